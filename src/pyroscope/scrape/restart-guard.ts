/** Restarts among the last `historyLength` scrapes that no single process explains. */
const suspiciousRestarts = 3;
const historyLength = 8;

/**
 * Notices an address that "restarts" scrape after scrape: several processes behind one load balancer. Their cumulative values
 * cannot be told apart, so the deltas would be made up; the agent stops sending them until a whole history shows no restart.
 */
export interface RestartGuard {
  /** Whether delta columns are withheld now. */
  readonly withholds: boolean;
  /** Whether they would be after `note(restarted)`. */
  wouldWithhold(restarted: boolean): boolean;
  /** Notes what the last comparison said. */
  note(restarted: boolean): void;
}

export function createRestartGuard(): RestartGuard {
  let history: readonly boolean[] = [];
  let withholds = false;
  const after = (restarted: boolean): readonly boolean[] => [...history.slice(1 - historyLength), restarted];
  const verdict = (past: readonly boolean[]): boolean => {
    const restarts = past.filter(Boolean).length;
    if (restarts >= suspiciousRestarts) return true;
    return withholds && !(restarts === 0 && past.length === historyLength);
  };
  return {
    get withholds() {
      return withholds;
    },
    wouldWithhold: (restarted) => verdict(after(restarted)),
    note(restarted) {
      history = after(restarted);
      withholds = verdict(history);
    },
  };
}
