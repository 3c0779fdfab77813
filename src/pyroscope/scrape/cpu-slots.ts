import type { Clock } from "../../base/index.ts";

/**
 * One CPU profile at a time per process: Go's profiler serves a single client. Shared by all scrape components of the agent, so
 * that two of them with the same target take turns.
 */
export interface CpuSlots {
  /**
   * Takes the process' slot and resolves to the function that gives it back; `undefined` where it stays taken for `patienceMs`
   * or `signal` aborts.
   */
  take(process: string, options: { patienceMs: number; signal: AbortSignal }): Promise<(() => void) | undefined>;
}

export function createCpuSlots(clock: Clock): CpuSlots {
  /** Waiters by process; an entry exists while the slot is taken. */
  const taken = new Map<string, (() => void)[]>();

  const giveBack = (process: string) => () => {
    const next = taken.get(process)?.shift();
    if (next) next();
    else taken.delete(process);
  };

  return {
    take(process, { patienceMs, signal }) {
      const waiters = taken.get(process);
      if (!waiters) {
        taken.set(process, []);
        return Promise.resolve(giveBack(process));
      }
      return new Promise((resolve) => {
        const settle = (release: (() => void) | undefined): void => {
          timer.cancel();
          signal.removeEventListener("abort", giveUp);
          resolve(release);
        };
        const proceed = (): void => settle(giveBack(process));
        const giveUp = (): void => {
          const at = waiters.indexOf(proceed);
          if (at >= 0) waiters.splice(at, 1);
          settle(undefined);
        };
        if (signal.aborted) {
          resolve(undefined);
          return;
        }
        const timer = clock.after(patienceMs, giveUp);
        signal.addEventListener("abort", giveUp, { once: true });
        waiters.push(proceed);
      });
    },
  };
}
