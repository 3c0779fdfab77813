import * as v from "valibot";
import { type ProfileType, profileTypes } from "../../model/index.ts";
import {
  argument,
  crossCheck,
  flag,
  isTable,
  mapOf,
  optional,
  type Report,
  table,
  text,
  word,
} from "../../schema/index.ts";

/** How a built-in profile type is scraped. */
export interface ProfileArguments {
  readonly enabled: boolean;
  /** Whether `enabled` was written by the user. */
  readonly explicit: boolean;
  readonly path: string;
  /** Whether the request carries `seconds`. */
  readonly delta: boolean;
}

export type CustomProfileArguments = Omit<ProfileArguments, "explicit">;

/** Which profile types are scraped, and how. Every built-in type of `profileTypes` is there. */
export interface ProfilingConfig {
  readonly path_prefix: string;
  readonly profile: Readonly<Record<string, ProfileArguments>> & {
    readonly custom: Readonly<Record<string, CustomProfileArguments>>;
  };
}

/** The `profiling_config` table for these types; `phlare.scrape` knows fewer of them. */
export function profilingConfig(known: readonly ProfileType[] = profileTypes) {
  return v.pipe(
    table({
      path_prefix: optional(prefixText(), {
        default: "",
        description: "Put before every path; a target's `__profile_path_prefix__` wins",
        example: "/app",
      }),
      profile: optional(profileTables(known), { default: {}, description: "One table for each profile type" }),
    }),
    v.transform((config): ProfilingConfig => config),
  );
}

function profileTables(known: readonly ProfileType[]) {
  const tables = Object.fromEntries(
    known.map((type) => [
      type.name,
      optional(builtInType(type), { default: {}, description: descriptions[type.name] ?? "" }),
    ]),
  );
  const custom = optional(customTypes(known), {
    default: {},
    description: "Profile types of your own, each below a name of yours, which becomes the label `__name__`",
  });
  return v.pipe(
    table({ ...tables, custom }, { refuse: refusedType, unknown: unknownType }),
    // Built from a list, so that valibot cannot infer what each key holds.
    v.transform((profile) => profile as ProfilingConfig["profile"]),
    crossCheck([], reportDoubles),
    v.transform((profile): ProfilingConfig["profile"] => complete(profile)),
  );
}

const descriptions: Readonly<Record<string, string>> = {
  memory: "Allocations and memory in use",
  block: "Where goroutines wait",
  goroutine: "Stacks of all goroutines",
  mutex: "Where locks are contended",
  process_cpu: "CPU time",
  fgprof: "Wall-clock time, from an fgprof endpoint",
  godeltaprof_memory: "Memory from a godeltaprof endpoint, pushed as `memory`; takes the place of the type `memory`",
  godeltaprof_mutex: "Mutexes from a godeltaprof endpoint, pushed as `mutex`; takes the place of the type `mutex`",
  godeltaprof_block: "Blocking from a godeltaprof endpoint, pushed as `block`; takes the place of the type `block`",
};

function builtInType(type: ProfileType) {
  const entries = {
    enabled: optional(flag(), {
      description: "Whether this type is scraped",
      defaultText: enabledText(type),
      example: !type.enabled,
    }),
    path: optional(pathText(), {
      default: type.path,
      description: "Path of the profile on the target",
      example: type.path,
    }),
  };
  const schema: v.GenericSchema<unknown, WrittenType> = type.deltaArgument
    ? table({ ...entries, delta: deltaArgument(type.delta) })
    : table(entries, { refuse: (key) => (key === "delta" ? noDelta : undefined) });
  return v.pipe(
    schema,
    v.transform(
      ({ enabled, path, delta = false }): ProfileArguments => ({
        enabled: enabled ?? type.enabled,
        explicit: enabled !== undefined,
        path,
        delta,
      }),
    ),
  );
}

interface WrittenType {
  readonly enabled?: boolean | undefined;
  readonly path: string;
  readonly delta?: boolean | undefined;
}

const noDelta = "a godeltaprof type takes no delta: its endpoint computes the difference itself; remove it";

function enabledText(type: ProfileType): string {
  const by = profileTypes.find(({ replaces }) => replaces === type.name);
  return by ? `\`${type.enabled}\`, but \`false\` where \`${by.name}\` is enabled` : `\`${type.enabled}\``;
}

function deltaArgument(standard: boolean) {
  return optional(flag(), {
    default: standard,
    description:
      "Whether the target is asked, with the parameter `seconds`, to profile for a time or to compute a difference",
    example: !standard,
  });
}

function prefixText() {
  return v.pipe(
    text(),
    v.check((prefix) => !/[?#]/.test(prefix), "must be a path alone; a query parameter goes into params"),
  );
}

function pathText() {
  return v.pipe(
    word(),
    v.check((path) => !path.includes("#"), "must not hold a #: what follows it is never sent"),
    v.check(
      (path) => !path.includes("://"),
      'expected a path such as "/debug/pprof/heap"; the host belongs into the targets',
    ),
  );
}

function customTypes(known: readonly ProfileType[]) {
  return mapOf(
    table({
      enabled: argument(flag(), { description: "Whether this type is scraped", example: true }),
      path: argument(pathText(), { description: "Path of the profile on the target", example: "/debug/my_profile" }),
      delta: deltaArgument(false),
    }),
    {
      keyProblem: (name) => customNameProblem(name, known),
      tableProblem: (input) =>
        Object.entries(input).some(([key, value]) => blockArguments.includes(key) && !isTable(value))
          ? "a custom profile type needs a name: write [….profile.custom.NAME]"
          : undefined,
    },
  );
}

/** The arguments of one type, which people write one table too high. */
const blockArguments: readonly string[] = ["enabled", "path", "delta"];

function customNameProblem(name: string, known: readonly ProfileType[]): string | undefined {
  if (known.some((type) => type.name === name))
    return `"${name}" is a built-in profile type: write [….profile.${name}], or choose another name`;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return "the name of a profile type must match [A-Za-z_][A-Za-z0-9_]*";
  return undefined;
}

/** Names that other tools and Go itself have for built-in types. */
const otherNames = new Map(
  Object.entries({
    allocs: "memory",
    cpu: "process_cpu",
    goroutines: "goroutine",
    heap: "memory",
    profile: "process_cpu",
    wall: "fgprof",
  }),
);

function refusedType(key: string): string | undefined {
  if (blockArguments.includes(key)) return `belongs below a profile type: write it in [….profile.TYPE]`;
  const other = otherNames.get(key);
  return other === undefined ? undefined : `unknown profile type; it is called "${other}" here`;
}

function unknownType(key: string): string {
  return `unknown profile type; your own are written [….profile.custom.${key}]`;
}

/** Both a godeltaprof type and the plain one that it replaces would be pushed as the same series. */
function reportDoubles(profile: ProfilingConfig["profile"], report: Report): void {
  for (const { name, replaces } of profileTypes) {
    if (replaces === undefined || !profile[name]?.enabled) continue;
    const plain = profile[replaces];
    if (plain?.explicit && plain.enabled)
      report(
        [name, "enabled"],
        `${name} and ${replaces} cannot both be enabled: both are pushed as "${replaces}"; disable one of them`,
      );
  }
}

/** Adds the types that the table does not know, disabled, and switches off those that a godeltaprof type replaces. */
function complete(profile: ProfilingConfig["profile"]): ProfilingConfig["profile"] {
  const { custom, ...given } = profile;
  const all = Object.fromEntries(
    profileTypes.map(({ name, path, delta }) => [
      name,
      given[name] ?? { enabled: false, explicit: false, path, delta },
    ]),
  );
  for (const { name, replaces } of profileTypes) {
    const plain = replaces === undefined ? undefined : all[replaces];
    if (replaces !== undefined && plain && all[name]?.enabled && !plain.explicit)
      all[replaces] = { ...plain, enabled: false };
  }
  return { ...all, custom } as ProfilingConfig["profile"];
}
