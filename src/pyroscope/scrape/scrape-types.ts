import { type ProfileType, profileTypeNamed, profileTypes } from "../../model/index.ts";
import type { ScrapeArguments } from "./arguments.ts";

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
export function enabledTypes({ profile }: ScrapeArguments["profiling_config"]): readonly ScrapeType[] {
  const builtIn = profileTypes.flatMap((type) => {
    const block = profile[type.name];
    return block?.enabled ? [scrapeType(type, block)] : [];
  });
  const custom = Object.entries(profile.custom)
    .filter(([, block]) => block.enabled)
    .map(([name, block]) => scrapeType({ name, seriesName: name, timed: false, cumulative: [] }, block));
  return [...builtIn, ...custom];
}

function scrapeType(
  { name, seriesName, timed, cumulative }: Pick<ProfileType, "name" | "seriesName" | "timed" | "cumulative">,
  { path, delta }: { readonly path: string; readonly delta: boolean },
): ScrapeType {
  const markDelta = (profileTypeNamed(seriesName)?.cumulative ?? []).length > 0;
  return { name, seriesName, path, delta, timed, cumulative, markDelta };
}
