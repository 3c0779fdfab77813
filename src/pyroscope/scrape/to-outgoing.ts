import { limits, timeByRightClock } from "../../base/index.ts";
import type { ProfileInfo } from "../../model/index.ts";
import {
  type Baseline,
  clampNegatives,
  compress,
  computeDelta,
  type DeltaResult,
  setTime,
  validate,
} from "../../pprof/index.ts";
import type { BaselineSlot } from "./baselines.ts";
import type { FetchedProfile } from "./fetch-profile.ts";
import type { ScrapeMetrics } from "./metrics.ts";
import type { Scrape } from "./plan.ts";
import type { Comparison } from "./restart-guard.ts";

/** What is handed on for a fetched profile. */
export interface Outgoing {
  /** Absent where there is nothing to hand on: no samples, or nothing changed since the last profile. */
  readonly profile?: { readonly data: Uint8Array; readonly info: ProfileInfo };
  /** The time that the target gave the profile; 0 where it gave none. */
  readonly ownTimeMs: number;
  /** Advances the baseline; to be called once the receiver has accepted the profile. */
  readonly commit: () => void;
}

/** When a scrape began, by this box's clock as it is at its end. */
export interface ScrapeMoment {
  readonly scrapedAtMs: number;
  /** By how much the clock was set since; 0 unless that is much. */
  readonly clockSetByMs: number;
}

export interface DeltaContext extends ScrapeMoment {
  readonly scrape: Scrape;
  readonly slot: BaselineSlot;
  readonly metrics: ScrapeMetrics;
  /** Called when the loop begins or ceases to withhold delta columns, with the reason in words. */
  readonly onWithhold: (message: string | undefined) => void;
}

const nothingToCommit = (): void => {};

/**
 * Proves that the body is a profile that a server takes, and makes of it what is handed on: bytes pass through as they came where
 * nothing has to change, cumulative values become deltas, negative ones zero, and what has no time gets that of its scrape. Throws
 * PprofError.
 */
export function toOutgoing(fetched: FetchedProfile, context: DeltaContext): Outgoing {
  if (context.scrape.delta === "agent") return subtract(fetched, context);
  const info = validate(fetched.raw);
  const ownTimeMs = info.timeMs;
  if (info.samples === 0) return { ownTimeMs, commit: nothingToCommit };
  const raw = context.scrape.mayBeNegative ? withoutNegatives(fetched.raw, context) : fetched.raw;
  return { profile: encoded(fetched, { raw, info }, context), ownTimeMs, commit: nothingToCommit };
}

/** A server drops every sample that holds a negative value; Go sends some for gauges when asked for a difference. */
function withoutNegatives(original: Uint8Array, { metrics }: DeltaContext): Uint8Array {
  const { raw, clamped } = clampNegatives(original);
  if (clamped > 0) metrics.clampedValues.inc(clamped);
  return raw;
}

/** `computeDelta` validates what it reads, so the profile is not read twice. */
function subtract(fetched: FetchedProfile, context: DeltaContext): Outgoing {
  const { scrape, slot, metrics, onWithhold } = context;
  const { cumulative } = scrape.profileType;
  const freshness = slot.ofEarlierBoot ? { maxElapsedMs: limits.baselineAgeMs } : {};
  const compute = (columns: "all" | "instantaneous", baseline = slot.baseline) =>
    computeDelta(fetched.raw, { cumulative, baseline, maxBaselineBytes: slot.maxBytes, columns, ...freshness });
  const result = compute("all");
  const continues = (baseline: Baseline): boolean => {
    const { outcome, fallen } = compute("all", baseline);
    return outcome === "delta" && fallen === 0;
  };
  const comparison = comparisonOf(result.outcome, slot.beforeRestart, continues);
  const several = comparison ? slot.guard.wouldWithhold(comparison) : slot.guard.withholds;
  const degraded = result.outcome === "degraded";
  const withheld = degraded ? overBound : several ? severalProcesses : undefined;
  if (result.fallen > 0) metrics.fallenStacks.inc(result.fallen);
  metrics.deltaOutcome(several && !degraded ? "withheld" : result.outcome);
  if (withheld !== slot.withheld) onWithhold(withheld);
  slot.withheld = withheld;
  const shown = withheld && !degraded ? compute("instantaneous") : result;
  const commit = (): void => slot.commit(result.next, comparison);
  const { raw, info } = shown;
  const ownTimeMs = info?.timeMs ?? 0;
  if (!raw || !info || info.samples === 0) return { ownTimeMs, commit };
  return { profile: encoded(fetched, { raw, info }, context), ownTimeMs, commit };
}

/** `undefined` where nothing was compared. */
function comparisonOf(
  outcome: DeltaResult["outcome"],
  beforeRestart: Baseline | undefined,
  continues: (baseline: Baseline) => boolean,
): Comparison | undefined {
  if (outcome === "delta") return "continued";
  if (outcome !== "restart") return undefined;
  return beforeRestart && continues(beforeRestart) ? "returned" : "restarted";
}

const severalProcesses =
  "Cannot compute deltas: the values jump to and fro as those of several processes behind one address, or of one that restarts at every other scrape; scrape each process by its own address";
const overBound = "Cannot compute deltas: the stacks to remember exceed the bound of the baseline";

function encoded(
  fetched: FetchedProfile,
  { raw, info }: { readonly raw: Uint8Array; readonly info: ProfileInfo },
  context: DeltaContext,
): NonNullable<Outgoing["profile"]> {
  const timeMs = currentTimeMs(info, context);
  if (timeMs === info.timeMs)
    return { data: (raw === fetched.raw ? fetched.sendable : undefined) ?? compress(raw), info };
  if (info.timeMs === 0) context.metrics.untimedProfiles.inc();
  const timed = setTime(raw, timeMs);
  return { data: compress(timed), info: { ...info, timeMs, rawBytes: timed.byteLength } };
}

/** A profile's time: the scrape's where it has none, and moved along where it is by this box's clock from before it was set. */
function currentTimeMs({ timeMs }: ProfileInfo, { scrapedAtMs, clockSetByMs }: ScrapeMoment): number {
  return timeMs === 0 ? scrapedAtMs : timeByRightClock(timeMs, { atMs: scrapedAtMs, behindMs: clockSetByMs });
}
