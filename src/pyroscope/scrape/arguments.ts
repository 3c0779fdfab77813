import * as v from "valibot";
import { limits, Size } from "../../base/index.ts";
import { reference } from "../../component/index.ts";
import { httpArguments, httpChecks, isUnixUrl, meantUnixUrl } from "../../http/index.ts";
import { labelsFrom, type Target } from "../../model/index.ts";
import { relabelRules, rulesPreset } from "../../relabel/index.ts";
import {
  argument,
  choice,
  choose,
  crossCheck,
  duration,
  flag,
  found,
  labels,
  mapOf,
  oneOrMany,
  optional,
  type Report,
  shownUrl,
  size,
  table,
  text,
  typeName,
  word,
} from "../../schema/index.ts";
import { checkSeconds, checkTimes } from "./check-times.ts";
import { profilingConfig } from "./profile-arguments.ts";
import { normalizeAddress, TargetError, unixAddressProblem, unixSchemeProblem } from "./scrape-url.ts";

/** A literal target: a table of labels. */
const literalTarget = v.pipe(
  labels(),
  crossCheck(["__address__", "__scheme__"], ({ __address__: address, __scheme__: scheme, ...others }, report) => {
    if (!address) report([], 'a target needs the label __address__, such as { __address__ = "localhost:6060" }');
    else if (isUnixUrl(address)) checkUnixAddress({ address, scheme, profilePath: others["__profile_path__"] }, report);
    else checkAddress({ address, scheme }, report);
  }),
  v.transform((record): Target => labelsFrom(Object.entries(record))),
);

function checkAddress(target: { readonly address: string; readonly scheme: string | undefined }, report: Report): void {
  const { address, scheme = "" } = target;
  const socket = meantUnixUrl(address);
  if (socket !== undefined)
    return report(["__address__"], `expected host:port, or a unix socket as __address__ = "${socket}"`);
  const [, written, host] = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)/i.exec(shownUrl(address)) ?? [];
  if (written)
    return report(
      ["__address__"],
      `expected host:port, found a URL; write __address__ = "${host}", __scheme__ = "${written.toLowerCase()}"`,
    );
  if (/[/?#@\s]/.test(address))
    return report(
      ["__address__"],
      "expected host:port, without path, user name or space; a path goes into __profile_path_prefix__",
    );
  try {
    normalizeAddress(address, scheme || "http");
  } catch (thrown) {
    if (!(thrown instanceof TargetError)) throw thrown;
    if (thrown.reason === "bad_scheme") report(["__scheme__"], `expected "http" or "https", found ${found(scheme)}`);
    else report(["__address__"], `expected host:port with a port of at most 65535, found ${found(address)}`);
  }
}

interface UnixTarget {
  readonly address: string;
  readonly scheme: string | undefined;
  readonly profilePath: string | undefined;
}

function checkUnixAddress({ address, scheme, profilePath }: UnixTarget, report: Report): void {
  if (scheme && scheme !== "http") report(["__scheme__"], unixSchemeProblem);
  // What worked with curl.
  const [, process, prefix] = /^(unix:\/\/[^:]+):(.*?)\/debug\/pprof(?:[/?]|$)/i.exec(address) ?? [];
  const problem =
    process !== undefined && profilePath === undefined
      ? `the agent adds /debug/pprof/… itself: write "${process}${prefix ? `:${prefix}` : ""}"`
      : unixAddressProblem(address);
  if (problem !== undefined) report(["__address__"], problem);
}

/** A target or the id of a component that finds targets. */
const targetOrReference = choose([reference("targets"), literalTarget], (input) => (typeof input === "string" ? 0 : 1));

/** The arguments that `pyroscope.scrape` and `phlare.scrape` share. */
export function scrapeEntries() {
  return {
    targets: argument(v.pipe(oneOrMany(targetOrReference), typeName("list of targets and component ids, or one")), {
      description: "The processes to scrape: tables of labels, and ids of components that find targets",
      example: [{ __address__: "localhost:6060", service_name: "shop" }],
    }),
    forward_to: argument(oneOrMany(reference("receiver")), {
      description: "The components that take the profiles",
      example: ["pyroscope.write.default"],
    }),
    job_name: optional(word(), {
      description: "The label `job`, over the target's own",
      defaultText: "the component's id",
      example: "edge",
    }),
    params: optional(mapOf(oneOrMany(paramValue())), {
      default: {},
      description: "Query parameters of every request; shown with the URL, so no place for secrets",
      example: { debug: ["0"] },
    }),
    scheme: optional(choice(["http", "https"]), {
      default: "http",
      description: "Scheme of the URL; a target's `__scheme__` wins",
      example: "https",
    }),
    scrape_interval: optional(duration({ positive: true }), {
      default: "15s",
      description: "How often each profile type of each target is scraped",
      example: "1m",
    }),
    scrape_timeout: optional(duration({ positive: true }), {
      description: "Deadline of one request; never less than the time the target profiles for, plus 3 s",
      defaultText: "`scrape_interval` + 3 s",
      example: "30s",
    }),
    delta_profiling_duration: optional(duration(), {
      description: "How long a target profiles for where a type has `delta = true`; whole seconds",
      defaultText: "`scrape_interval` - 1 s",
      example: "10s",
    }),
    body_size_limit: optional(size(), {
      default: new Size(limits.profileBytes).toString(),
      description: "The largest profile that is taken, uncompressed",
      example: "64MiB",
    }),
    rule: optional(relabelRules(), {
      default: [],
      description: "Relabel rules, in order, on the targets before their URLs are made",
    }),
    rules_preset: rulesPreset(),
    clustering: optional(
      table({
        enabled: argument(flag(), {
          description:
            "Whether the targets are shared between the nodes of the cluster; without `[cluster]` nothing changes",
          example: true,
        }),
      }),
      { description: "Sharing of targets between agents" },
    ),
    ...httpArguments(),
  };
}

function paramValue() {
  return v.pipe(
    choose([v.pipe(v.union([v.number(), v.boolean()]), v.transform(String)), text()], (input) =>
      typeof input === "number" || typeof input === "boolean" ? 0 : 1,
    ),
  );
}

/** The arguments of `pyroscope.scrape` (seeds 002 and 000, reference 1.1). */
export const scrapeArguments = v.pipe(
  table({
    ...scrapeEntries(),
    profiling_config: optional(profilingConfig(), {
      default: {},
      description: "Which profile types are scraped, and how",
    }),
  }),
  httpChecks(),
  crossCheck(["scrape_interval", "delta_profiling_duration", "profiling_config"], (args, report) =>
    checkTimes(args, report),
  ),
  crossCheck(["params"], (args, report) => checkSeconds(args, report)),
);

export type ScrapeArguments = v.InferOutput<typeof scrapeArguments>;
