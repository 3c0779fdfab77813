const kibibyte = 1024;

/** The bounds of the push side that have no argument in the configuration. */
export const writeLimits = {
  /** How long what is queued is still pushed after the end was asked for; the process has 5 s in all. */
  drainMs: 3500,
  /** A longer Retry-After is shortened to this, so that a server's mistake does not silence a box for a day. */
  retryAfterMs: 600_000,
  /** By how much a pause that the server asked for is drawn out at random, within the bound above: boxes must not come back all at once. */
  retryAfterJitter: 0.1,
  /** An endpoint that cannot be reached at all is probed at least this often: a link may be there for moments only, and a probe costs little. */
  probeMs: 30_000,
  /** A longer pause is worth a line in the log. */
  notablePauseMs: 30_000,
  /** The answer to a push is an empty message; more than this is a page and not a Pyroscope server. */
  responseBytes: 64 * kibibyte,
  /** What is waited for the log to write down what was delivered, after that. */
  closeMs: 500,
  /** The oldest profile in memory is this old when it is written to disk, so that it is safe before 2 s. */
  spoolAgeMs: 1200,
  /** While pushes succeed, what is to be kept has this long to be delivered first, and is then never written. */
  spoolHoldMs: 100,
  /** How long endpoints that want the same profile kept may come after one another for it to be written once. */
  gatherMs: 10,
  /** What may be on its way to the disk at once, for each component: a disk that hangs must not gather what memory let go. */
  spoolPendingBytes: 16 * kibibyte * kibibyte,
  /** A disk that takes longer than this, to open the log or to write one profile, counts as failed, so that no scrape waits for it. */
  spoolStallMs: 5000,
  /** The pauses after the disk failed. */
  spoolBackoff: { minMs: 5000, maxMs: 60_000 },
  /** How often it is looked whether the data directory has come or gone: a disk may be mounted late. */
  spoolLookMs: 60_000,
  /** Records that are older go beside live ones and not before them. */
  liveMs: 10_000,
  /** How many records of each lane are looked at for a probe: the newest live ones, the oldest of the backlog. */
  probeCandidates: 256,
  /** Records whose failures are remembered, for each endpoint. */
  failedRecords: 16_384,
  /** How far apart two refusals for the rate must be to count against one profile; it waits up to as long between two attempts. */
  limitedBlameMs: 60_000,
  /** How often it is looked for something of the backlog that may be tried, while all there is has failed and waits for its time. */
  backlogLookMs: 1000,
  /** How often it is looked whether the clock of the machine has been set, while something waits for that. */
  clockCheckMs: 10_000,
  /** How long after the start of the machine its clock may still be set, for which records of earlier runs wait. */
  clockSettingMs: 600_000,
  /** How long the records of an endpoint that left the configuration are kept, and how often those that are too old are let go. */
  leftAgeMs: 50 * 60_000,
  leftExpireMs: 60_000,
  /** How often it is looked for what components left that are no longer in the configuration. */
  leftCheckMs: 10_000,
  /** What the log of a component without endpoints may occupy. */
  leftBytes: 256 * kibibyte * kibibyte,
  /** How long to wait before a record that could not be read is read again. */
  readRetryMs: 5000,
  /** What a queued profile occupies beside its bytes: labels, ids, the entry itself. */
  entryBytes: kibibyte,
  /** So many different profiles failing in a row, none passing, means that the endpoint is at fault and not they. */
  distinctFailures: 3,
  /** So many of the backlog at the most, where young ones pass. */
  backlogFailures: 64,
  /** How much of a server's own error message is kept: it names limits and labels at its end. */
  serverWords: 2048,
  /** How much of a page that something else answered with is quoted. */
  pageWords: 128,
  /** A profile whose time is further from its scrape is one by a clock that is wrong enough to be refused for it. */
  targetClockMs: 600_000,
  /** Servers take what is no older than this, with something to spare. */
  takenAgeMs: 50 * 60_000,
  /** From how many answers the server's clock is read; the one in the middle counts. */
  clockAnswers: 5,
  /** How often the log repeats that an endpoint is down. */
  downReminderMs: 3_600_000,
  /** How long after the last drop for a reason it is told what to do about it. */
  dropAdviceMs: 3_600_000,
  /** How often one endpoint logs one kind of trouble with single profiles; the counters have the rest. */
  warningIntervalMs: 600_000,
  /** How soon after the first dropped profile those that followed are summed up. */
  dropSumMs: 30_000,
} as const;
