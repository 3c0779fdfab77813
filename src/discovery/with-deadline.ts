import type { Clock } from "../base/index.ts";

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What is said when it is too late. */
  readonly late: () => Error;
}

/** Runs `work` with a signal that aborts at the deadline, whose reason then says so, or with `signal`. */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs, signal, late }: DeadlineOptions,
): Promise<T> {
  const controller = new AbortController();
  const timer = clock.after(timeoutMs, () => controller.abort(late()));
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
