import { type Clock, limits } from "../../base/index.ts";
import type { SpoolLog } from "../../storage/index.ts";
import { writeLimits } from "./limits.ts";
import type { PushOptions } from "./pusher.ts";
import type { QueueEntry } from "./queue-entry.ts";
import type { ClockTrust } from "./record-queue.ts";

/** What is known of the clock that a profile was queued by. */
export function timeOf(
  { record = -1, queued }: QueueEntry,
  clock: Clock,
  log: SpoolLog | undefined,
): Pick<PushOptions, "shiftMs" | "ofEarlierBoot"> {
  if (!queued && !log?.isOfThisBoot(record)) return { ofEarlierBoot: true };
  const ageMs = queued ? clock.uptime() - queued.uptimeMs : log?.ageOf(record);
  const wallMs = queued?.wallMs ?? log?.appendedAtMs(record);
  if (typeof ageMs !== "number" || wallMs === undefined) return {};
  return { shiftMs: Math.round(clock.now() - ageMs - wallMs) };
}

/** Whether this machine's clock tells the age of what another run of the machine left, as far as the server's says. */
export function clockTrust(skewMs: number | undefined, uptimeMs: number): ClockTrust {
  if (skewMs !== undefined && Math.abs(skewMs) <= limits.clockToleranceMs) return "right";
  if (uptimeMs < writeLimits.clockSettingMs) return "not_yet";
  return skewMs === undefined ? "right" : "wrong";
}
