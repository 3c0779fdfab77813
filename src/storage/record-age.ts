import { type BootClock, type Clock, clockIsSetFromMs } from "../base/index.ts";

/** How long ago a record was appended. `unknown`: in an earlier run of this machine, whose clock was not set. `not_yet`: once this machine's clock is set. */
export type RecordAge = number | "unknown" | "not_yet";

/** When a record was appended. */
export interface RecordTime {
  /** What the wall clock said. */
  readonly wallMs: number;
  /** What the boot clock said. */
  readonly bootMs: number;
  /** The boot clock's id then. */
  readonly bootId: string;
}

const futureMs = 300_000;
const anewMs = 5000;

/**
 * Whether that was in this run of the machine, as far as can be told. A boot clock that shows less than it did has started anew, whatever its
 * id: containers may have one of their own, as those that are moved from machine to machine.
 */
export function isSameRun({ bootId, bootMs }: Omit<RecordTime, "wallMs">, boot: BootClock): boolean {
  return boot.id === bootId && boot.nowMs() > bootMs - anewMs;
}

/**
 * How long ago that was, never below 0. In the same run of the machine it is the difference of the boot clock, however the wall clock jumped
 * in between. Across a restart there are two wall clocks to compare: `not_yet` while the one of now says a time before 2026 (a box without
 * a battery for its clock, before NTP), `unknown` where the one of then did, or lies more than 5 minutes ahead of now.
 */
export function recordAge(time: RecordTime, { clock, boot }: { clock: Clock; boot: BootClock }): RecordAge {
  if (boot.id !== "" && isSameRun(time, boot)) return Math.max(0, boot.nowMs() - time.bootMs);
  const nowMs = clock.now();
  if (nowMs < clockIsSetFromMs) return "not_yet";
  if (time.wallMs < clockIsSetFromMs || time.wallMs > nowMs + futureMs) return "unknown";
  return Math.max(0, nowMs - time.wallMs);
}
