/**
 * How a profile relates to the one before: the same process went on, it restarted, or it went back to the process from before the
 * last restart. No process comes back: that is another one behind the same address.
 */
export type Comparison = (typeof comparisons)[number];

/** Saved by their position. */
export const comparisons = ["continued", "restarted", "returned"] as const;

/** What a guard remembers; it may outlive the process. */
export interface GuardState {
  /** The last comparisons, the newest last. */
  readonly history: readonly Comparison[];
  readonly withholds: boolean;
}

/** Restarts among the last `historyLength` scrapes that no single process explains, a crashing one included. */
const suspiciousRestarts = 4;
const historyLength = 8;

/**
 * Notices several processes behind one address (a load balancer). Their cumulative values cannot be told apart, so the deltas
 * would be made up; the agent stops sending them until a whole history shows one process.
 */
export interface RestartGuard {
  /** Whether delta columns are withheld now. */
  readonly withholds: boolean;
  readonly state: GuardState;
  /** Whether a restart is so recent that the process from before it may still show up. */
  readonly watches: boolean;
  /** Whether delta columns would be withheld after `note(comparison)`. */
  wouldWithhold(comparison: Comparison): boolean;
  /** Notes what the last comparison said. */
  note(comparison: Comparison): void;
}

/** A new guard, or one that goes on from where another was. */
export function createRestartGuard(before: GuardState = { history: [], withholds: false }): RestartGuard {
  let history: readonly Comparison[] = before.history.slice(-historyLength);
  let { withholds } = before;
  const after = (comparison: Comparison): readonly Comparison[] => [...history.slice(1 - historyLength), comparison];
  const verdict = (past: readonly Comparison[]): boolean => {
    const changes = past.filter((comparison) => comparison !== "continued").length;
    if (past.includes("returned") || changes >= suspiciousRestarts) return true;
    return withholds && !(changes === 0 && past.length === historyLength);
  };
  return {
    get withholds() {
      return withholds;
    },
    get state() {
      return { history, withholds };
    },
    get watches() {
      return history.some((comparison) => comparison !== "continued");
    },
    wouldWithhold: (comparison) => verdict(after(comparison)),
    note(comparison) {
      history = after(comparison);
      withholds = verdict(history);
    },
  };
}
