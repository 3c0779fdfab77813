import { systemBootClock } from "./boot-clock.ts";

/** A pending callback; cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The only source of time in the agent, so that tests can turn it by hand. */
export interface Clock {
  /** Wall time in milliseconds since 1970. May jump when the box's clock is corrected. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never jumps: measure durations and schedule with it. */
  monotonic(): number;
  /** Milliseconds since the machine started. Never jumps and, unlike `monotonic`, goes on while it sleeps: compare the wall clock with it. */
  uptime(): number;
  /** Calls `callback` once, `delayMs` from now; a delay below zero counts as zero. */
  after(delayMs: number, callback: () => void): Timer;
}

// setTimeout holds a signed 32-bit number of milliseconds and fires at once above it.
const longestTimerMs = 2 ** 31 - 1;

/** Older than this program: wall time before this is that of a box whose clock was never set. */
export const clockIsSetFromMs = Date.UTC(2026, 0, 1);

const bootClock = systemBootClock();

/** The clock of the process. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  uptime: () => bootClock.nowMs(),
  after(delayMs, callback) {
    let handle: ReturnType<typeof setTimeout>;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(Math.max(leftMs, 0), longestTimerMs);
      handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`; rejects with the signal's reason as soon as `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
