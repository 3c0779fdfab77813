import { type ProfileType, profileTypeNamed, profileTypes } from "../../model/index.ts";
import type { ScrapeArguments } from "./arguments.ts";
import type { ProfileArguments, ProfilingConfig } from "./profile-arguments.ts";

/** A profile type as this component scrapes it: the table's row with the configuration applied. */
export interface ScrapeType {
  /** The block's name, or a custom type's label. */
  readonly name: string;
  readonly seriesName: string;
  readonly path: string;
  /** Whether the request carries `seconds`. */
  readonly delta: boolean;
  /** Whether it counts what happens during `seconds` (process_cpu, fgprof); others then answer the difference of two states. */
  readonly timed: boolean;
  /** The columns whose values grow over the process' life; empty where there are none. */
  readonly cumulative: readonly string[];
  /** Whether the values are deltas when they arrive at the server, whoever computed them: then `__delta__` says "false". */
  readonly markDelta: boolean;
}

/** The enabled types of a component, in the order of the table, custom ones last. */
export function enabledTypes({ profile }: Pick<ScrapeArguments["profiling_config"], "profile">): readonly ScrapeType[] {
  const builtIn = profileTypes.flatMap((type) => {
    const block = profile[type.name];
    return block?.enabled ? [scrapeType(type, block)] : [];
  });
  const custom = Object.entries(profile.custom)
    .filter(([, block]) => block.enabled)
    .map(([name, block]) => scrapeType({ name, seriesName: name, timed: false, cumulative: [] }, block));
  return [...builtIn, ...custom];
}

/**
 * The types that one target asks for by their names, in the order of the table: all but those that the configuration switches off
 * itself. Names that are no type are left to whoever knows them.
 */
export function requestedTypes(
  { profile }: Pick<ScrapeArguments["profiling_config"], "profile">,
  names: ReadonlySet<string>,
): readonly ScrapeType[] {
  const asked = profileTypes.filter(({ name }) => {
    const block = profile[name];
    return names.has(name) && block && (block.enabled || !block.explicit);
  });
  const replaced = new Set(asked.map(({ replaces }) => replaces));
  const enabled = Object.fromEntries(
    asked
      .filter(({ name }) => !replaced.has(name))
      .map(({ name }) => [name, { ...(profile[name] as ProfileArguments), enabled: true }]),
  );
  const custom = Object.fromEntries(Object.entries(profile.custom).filter(([name]) => names.has(name)));
  return enabledTypes({ profile: { ...enabled, custom } as ProfilingConfig["profile"] });
}

function scrapeType(
  { name, seriesName, timed, cumulative }: Pick<ProfileType, "name" | "seriesName" | "timed" | "cumulative">,
  { path, delta }: { readonly path: string; readonly delta: boolean },
): ScrapeType {
  const markDelta = (profileTypeNamed(seriesName)?.cumulative ?? []).length > 0;
  return { name, seriesName, path, delta, timed, cumulative, markDelta };
}
