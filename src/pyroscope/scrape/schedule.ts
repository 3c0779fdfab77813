import type { Clock } from "../../base/index.ts";

/** 32-bit FNV-1a over the text's UTF-16 units: the same on every machine and after every restart. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV's low bits depend on the last characters only; one more mix spreads URLs that differ in their middle.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** When a loop's ticks fall: at a fixed phase of its interval, hashed from its identity. */
export interface Schedule {
  /** Monotonic time of the next tick after now, and how many ticks passed unused since `previousMs`, if it is given. */
  next(previousMs?: number): { dueMs: number; skipped: number };
}

/**
 * The schedule of one loop. The phase is taken from the wall clock once, so that it is the same after a restart and on every
 * replica; from then on the monotonic clock counts, so that a corrected wall clock moves nothing.
 */
export function createSchedule(identity: string, options: { intervalMs: number; clock: Clock }): Schedule {
  const { intervalMs, clock } = options;
  const phaseMs = (hashText(identity) / 2 ** 32) * intervalMs;
  const startMs = clock.monotonic();
  const untilFirstMs = (((phaseMs - clock.now()) % intervalMs) + intervalMs) % intervalMs;
  return {
    next(previousMs) {
      if (previousMs === undefined) return { dueMs: startMs + untilFirstMs, skipped: 0 };
      // Timers fire up to a millisecond early, and a scrape may end before its own tick: that tick is used all the same.
      const passed = Math.max(0, Math.floor((clock.monotonic() - previousMs) / intervalMs));
      return { dueMs: previousMs + (passed + 1) * intervalMs, skipped: passed };
    },
  };
}
