import { formatSpan, limits, timeByRightClock } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { compress, decodeBody, setTime } from "../../pprof/index.ts";
import { writeLimits } from "./limits.ts";

/**
 * The profile as it is sent where the clock that it was scraped by is `behindMs` behind the server's: with its time corrected. The
 * very profile where the two clocks agree, and where its time is nearer to the server's clock than to that one: then its target has
 * one of its own.
 */
export function retimed(profile: Profile, behindMs: number): Profile {
  const { info, data, scrapedAtMs } = profile;
  if (Math.abs(behindMs) <= limits.clockToleranceMs || info.timeMs === 0) return profile;
  const timeMs = timeByRightClock(info.timeMs, { atMs: scrapedAtMs + behindMs, behindMs });
  if (timeMs === info.timeMs) return profile;
  const raw = setTime(decodeBody(data, info.rawBytes).raw, timeMs);
  return { ...profile, data: compress(raw), info: { ...info, timeMs, rawBytes: raw.byteLength } };
}

/** Why a server may find a profile's time outside of its window, where the target's clock was wrong; else `undefined`. */
export function wrongTimeHint(profile: Profile): string | undefined {
  const aheadMs = profile.info.timeMs - profile.scrapedAtMs;
  if (profile.info.timeMs === 0 || Math.abs(aheadMs) <= writeLimits.targetClockMs) return undefined;
  return `the profile's time was ${formatSpan(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead of" : "behind"} this box's clock when it was scraped: check the clock of its target`;
}
