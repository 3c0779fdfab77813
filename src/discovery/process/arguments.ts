import * as v from "valibot";
import { errorMessage } from "../../base/index.ts";
import { compilePattern, loadEngine, needsEngine } from "../../relabel/index.ts";
import { duration, flag, found, isTable, oneOrMany, optional, table, word } from "../../schema/index.ts";
import { portRange } from "./port-ranges.ts";

export const processArguments = table({
  refresh_interval: optional(duration({ positive: true }), {
    default: "10s",
    description: "How often the listening processes are looked at",
    example: "1m",
  }),
  ports: optional(oneOrMany(portRange()), {
    description: "Ports and ranges of ports that are looked at; no others are asked anything",
    defaultText: "1024 to 65535, without those of well-known servers that speak another protocol than HTTP",
    example: [6060, "8000-8099"],
  }),
  match: optional(
    v.pipe(
      word(),
      v.rawCheck(({ dataset, addIssue }) => {
        const message = dataset.typed ? patternProblem(dataset.value) : undefined;
        if (message !== undefined) addIssue({ message });
      }),
    ),
    {
      description:
        "RE2 expression that the name, the executable or the command line of a process must match whole; no others are asked anything",
      example: "api|/opt/plant/.+",
    },
  ),
  probe: optional(flag(), {
    default: true,
    description: "Whether a process is a target only if it answers pprof; if not, every port that is looked at is one",
    example: false,
  }),
  probe_path: optional(
    v.pipe(
      word(),
      v.check(
        (path) => /^\/[^\s?#]*$/.test(path),
        ({ input }) => `expected a path such as "/debug/pprof/", found ${found(input)}`,
      ),
    ),
    {
      default: "/debug/pprof/",
      description:
        "What a process is asked for: an index of profiles, or a profile. What stands before `/debug/pprof/` is put before the paths of its profiles",
      example: "/admin/debug/pprof/",
    },
  ),
  include_cmdline: optional(flag(), {
    default: false,
    description: "Whether targets tell the command line, which may hold secrets, in `__meta_process_cmdline`",
    example: true,
  }),
});

export type ProcessArguments = v.InferOutput<typeof processArguments>;

/** Loads the engine for expressions that need it. */
export async function prepareProcessArguments(raw: unknown): Promise<void> {
  const match = isTable(raw) ? raw["match"] : undefined;
  if (typeof match === "string" && needsEngine(match)) await loadEngine();
}

function patternProblem(regex: string): string | undefined {
  try {
    compilePattern(regex);
    return undefined;
  } catch (thrown) {
    return errorMessage(thrown);
  }
}
