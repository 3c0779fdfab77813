const mebibyte = 1024 ** 2;

/** The bounds of the store that have no argument in the configuration. */
export const storeLimits = {
  /** What a kept profile occupies beside its bytes: labels, ids, the entry itself. */
  entryBytes: 1024,
  /** How often the log repeats that profiles are refused; the counter has the rest. */
  warningIntervalMs: 600_000,
  /** All profiles of one merge, uncompressed. */
  mergeBytes: 64 * mebibyte,
  /** Merges that wait for the one that is carried out. */
  waitingMerges: 4,
} as const;
