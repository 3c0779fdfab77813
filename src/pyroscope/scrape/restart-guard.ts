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
  /** Notes what the last comparison said. */
  note(restarted: boolean): void;
}

export function createRestartGuard(): RestartGuard {
  let history: boolean[] = [];
  let withholds = false;
  return {
    get withholds() {
      return withholds;
    },
    note(restarted) {
      history = [...history.slice(1 - historyLength), restarted];
      const restarts = history.filter(Boolean).length;
      if (restarts >= suspiciousRestarts) withholds = true;
      else if (restarts === 0 && history.length === historyLength) withholds = false;
    },
  };
}
