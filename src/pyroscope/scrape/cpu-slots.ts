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
  take(address: string, options: { patienceMs: number; signal: AbortSignal }): Promise<(() => void) | undefined>;
}

export function createCpuSlots(clock: Clock): CpuSlots {
  /** Waiters by address; an entry exists while the slot is taken. */
  const taken = new Map<string, (() => void)[]>();

  const giveBack = (address: string) => () => {
    const next = taken.get(address)?.shift();
    if (next) next();
    else taken.delete(address);
  };

  return {
    take(address, { patienceMs, signal }) {
      const waiters = taken.get(address);
      if (!waiters) {
        taken.set(address, []);
        return Promise.resolve(giveBack(address));
      }
      return new Promise((resolve) => {
        const settle = (release: (() => void) | undefined): void => {
          timer.cancel();
          signal.removeEventListener("abort", giveUp);
          resolve(release);
        };
        const proceed = (): void => settle(giveBack(address));
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
