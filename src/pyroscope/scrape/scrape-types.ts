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
  /** The columns whose values grow over the process' life; empty where there are none. */
  readonly cumulative: readonly string[];
  /** Whether the values are deltas when they arrive at the server, whoever computed them: then `__delta__` says "false". */
  readonly markDelta: boolean;
  /** Whether it counts what happens during `seconds` (process_cpu, fgprof); others then answer a difference of two states. */
  readonly timed: boolean;
}

/** The enabled types of a component. A godeltaprof type switches off the plain one it replaces, unless that is on explicitly. */
export function enabledTypes(config: ScrapeArguments["profiling_config"]): readonly ScrapeType[] {
  const enabled = profileTypes.filter((type) => config.profile[type.name]?.enabled);
  const replaced = new Set(enabled.map((type) => type.replaces));
  const builtIn = enabled
    .filter((type) => !replaced.has(type.name) || config.profile[type.name]?.explicit)
    .map((type) => scrapeType(type, config.profile[type.name] ?? type));
  const custom = Object.entries(config.profile.custom)
    .filter(([, block]) => block.enabled)
    .map(([name, block]) => scrapeType({ name, seriesName: name, delta: false, cumulative: [] }, block));
  return [...builtIn, ...custom];
}

function scrapeType(
  type: Pick<ProfileType, "name" | "seriesName" | "delta" | "cumulative">,
  block: { readonly path: string; readonly delta: boolean },
): ScrapeType {
  const cumulative = profileTypeNamed(type.seriesName)?.cumulative ?? [];
  return {
    name: type.name,
    seriesName: type.seriesName,
    path: block.path,
    delta: block.delta,
    cumulative: type.cumulative,
    markDelta: cumulative.length > 0,
    timed: type.delta,
  };
}
