import { type Clock, formatDuration } from "../base/index.ts";
import { ClusterError } from "./engine.ts";

export interface WithinOptions {
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Of the ttl, what one question to the engine may take. */
const share = 1 / 2;

/** Asks the engine something, and ends that in half of the ttl, of however many exchanges it is. Rejects with the ClusterError `late` then. */
export async function withinShareOfTtl<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  { ttlMs, clock, signal }: WithinOptions,
): Promise<T> {
  const ends = new AbortController();
  const timer = clock.after(ttlMs * share, () => ends.abort(tooLate(ttlMs)));
  try {
    return await ask(AbortSignal.any([signal, ends.signal]));
  } catch (thrown) {
    throw ends.signal.aborted ? (ends.signal.reason as ClusterError) : thrown;
  } finally {
    timer.cancel();
  }
}

export function tooLate(ttlMs: number): ClusterError {
  const message = `The engine took longer than ${formatDuration(ttlMs * share)}, half of the ttl, to answer: what it said may no longer hold; set a longer "ttl" where it is always that slow`;
  return new ClusterError("late", message);
}
