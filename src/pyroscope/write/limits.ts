const kibibyte = 1024;

/** The bounds of the push side that have no argument in the configuration. */
export const writeLimits = {
  /** How long what is queued is still pushed after the end was asked for; the process has 5 s in all. */
  drainMs: 4000,
  /** A longer Retry-After is shortened to this, so that a server's mistake does not silence a box for a day. */
  retryAfterMs: 600_000,
  /** The answer to a push is an empty message; more than this is a page and not a Pyroscope server. */
  responseBytes: 64 * kibibyte,
  /** What a queued profile occupies beside its bytes: labels, ids, the entry itself. */
  entryBytes: kibibyte,
  /** So many different profiles failing in a row, none passing, means that the endpoint is at fault and not they. */
  distinctFailures: 3,
  /** How much of a server's own error message is kept: it names limits and labels at its end. */
  serverWords: 512,
  /** How often the log repeats that an endpoint is down. */
  downReminderMs: 3_600_000,
  /** How often one endpoint logs one kind of trouble with single profiles; the counters have the rest. */
  warningIntervalMs: 600_000,
} as const;
