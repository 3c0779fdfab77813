import type { Clock } from "../../base/index.ts";
import type { SpoolLog } from "../../storage/index.ts";
import { writeLimits } from "./limits.ts";

/** What is on disk for owners that nobody sends for. */
export interface KeptRecords {
  /** Counted for each owner: one that two want is two. */
  readonly profiles: number;
  readonly bytes: number;
  /** Wall times of when the oldest began to wait, and of when the last of all goes; absent where nobody knows. */
  readonly oldestMs?: number;
  readonly keptUntilMs?: number;
}

/** Costs the same however many there are. */
export function keptRecords(log: SpoolLog, owners: readonly string[], clock: Clock): KeptRecords {
  const usages = owners.map((owner) => log.usage(owner));
  const waitsSinceMs = (numbers: readonly (number | undefined)[]): number[] =>
    numbers.flatMap((number) => {
      const ageMs = number === undefined ? undefined : log.ageOf(number);
      return typeof ageMs === "number" ? [clock.now() - ageMs] : [];
    });
  const oldest = waitsSinceMs(owners.map((owner) => log.next(owner)));
  const newest = waitsSinceMs(owners.map((owner) => lastOf(log, owner)));
  return {
    profiles: usages.reduce((sum, { records }) => sum + records, 0),
    bytes: usages.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(oldest.length > 0 && { oldestMs: Math.min(...oldest) }),
    ...(newest.length > 0 &&
      newest.length === owners.length && { keptUntilMs: Math.max(...newest) + writeLimits.leftAgeMs }),
  };
}

/** The owner's last record. The log tells only the next one, so that it is found in steps that are halved. */
function lastOf(log: SpoolLog, owner: string): number | undefined {
  let last = log.next(owner);
  for (let step = 2 ** 40; step >= 1 && last !== undefined; step /= 2) last = log.next(owner, last + step - 1) ?? last;
  return last;
}
