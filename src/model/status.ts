import type { Labels } from "./labels.ts";

/** One URL that a scrape component requests, before anything was requested: a line of the plan that `agent check` prints. */
export interface PlannedScrape {
  readonly job: string;
  /** The configured profile type: `process_cpu`, `godeltaprof_memory`, a custom type's label. */
  readonly type: string;
  readonly url: string;
  readonly intervalMs: number;
  /** The effective deadline of one request. */
  readonly timeoutMs: number;
  /** The `seconds` the request carries, from whatever source; absent where it carries none. */
  readonly seconds?: number;
  /** The series that is handed on. */
  readonly labels: Labels;
  /** Who computes the delta of cumulative values: the agent, the target, or nobody because there are none. */
  readonly delta: "agent" | "target" | "none";
}

/** State of one (target, type): debug information of a scrape component. Times are wall time in milliseconds. */
export interface TargetStatus extends PlannedScrape {
  readonly health: "unknown" | "up" | "down";
  /** The reason (closed set) and message of the last failed scrape; both absent once a scrape succeeds. */
  readonly lastErrorReason?: string;
  readonly lastError?: string;
  /** The target's clock minus this box's, by the last profile that has a time. */
  readonly clockSkewMs?: number;
  /** Why delta columns are not sent now, in words; absent while they are. */
  readonly deltaWithheld?: string;
  readonly lastScrapeMs?: number;
  readonly lastSuccessMs?: number;
  readonly lastScrapeDurationMs?: number;
  readonly nextScrapeMs: number;
}

/** State of one endpoint of a write component. */
export interface EndpointStatus {
  readonly name: string;
  /** Without userinfo. */
  readonly url: string;
  /** `down` while pushes fail for a reason that is the endpoint's. */
  readonly state: "unknown" | "up" | "down";
  /** In memory, waiting or in flight. */
  readonly queuedProfiles: number;
  readonly queuedBytes: number;
  /** On disk, beside those in memory. */
  readonly spooledProfiles: number;
  readonly spooledBytes: number;
  /** What is wrong with the disk, in words: nothing can be kept there now, read back, or noted as delivered; absent while all is well, or it is not needed. */
  readonly spoolProblem?: string;
  /** Of all that wait, in memory or on disk. */
  readonly oldestQueuedMs?: number;
  readonly inFlight: number;
  /** Since when it takes less than it should, or nothing; absent while all is well. */
  readonly pausedSinceMs?: number;
  /** Nothing is pushed before, because pushes failed or the server asked for it. */
  readonly pausedUntilMs?: number;
  /** The server's clock minus this machine's. */
  readonly clockSkewMs?: number;
  readonly sentProfiles: number;
  readonly droppedProfiles: number;
  /** How many of them for each reason (closed set), and when the last one was dropped. */
  readonly droppedByReason?: Readonly<Record<string, number>>;
  readonly lastDroppedMs?: number;
  readonly lastSuccessMs?: number;
  readonly lastError?: string;
  readonly lastErrorMs?: number;
  /** The server's own words on the last profile that it refused for good. */
  readonly lastDropMessage?: string;
  /** What to do about the profiles dropped in the last hour, in sentences; absent where there are none. */
  readonly dropAdvice?: string;
  /** What to do about the last error, a sentence; absent where nothing is known, or no error is new. */
  readonly advice?: string;
}

/** A profile taken so long before the last refusal says nothing of now. */
const refusesAfterMs = 60_000;

/** Whether an endpoint that answers takes nothing: its last word was a refusal for good, and it took no profile lately. */
export function refusesAll({
  state,
  lastError,
  lastErrorMs = 0,
  lastDropMessage,
  lastSuccessMs,
}: EndpointStatus): boolean {
  if (state !== "up" || lastDropMessage === undefined || lastDropMessage !== lastError) return false;
  return lastSuccessMs === undefined || lastErrorMs - lastSuccessMs > refusesAfterMs;
}

/** What is kept on disk for an endpoint that is no longer in the configuration. Times are wall time in milliseconds. */
export interface LeftEndpointStatus {
  /** Its name, else its URL. */
  readonly endpoint: string;
  readonly profiles: number;
  readonly bytes: number;
  /** When the oldest of them began to wait, and when the last of them goes; absent where that is not known. */
  readonly oldestMs?: number;
  readonly keptUntilMs?: number;
}

/** What is kept on disk of a component that is no longer in the configuration. Times are wall time in milliseconds. */
export interface LeftComponentStatus {
  readonly component: string;
  readonly profiles: number;
  readonly bytes: number;
  /** When the oldest of them began to wait; absent where there is none, or where that is not known yet. */
  readonly oldestMs?: number;
  /** When the last of them goes; absent likewise. */
  readonly keptUntilMs?: number;
  /** In files of a later version of the agent, which this one neither reads nor deletes here; absent where there are none. */
  readonly newerBytes?: number;
}

/** Profiles on disk that were lost to damage, and nobody knows whose they were. */
export interface DamagedStatus {
  readonly profiles: number;
  /** When that was noticed last, in wall time. */
  readonly lastMs: number;
}

/** State of a component that discovers targets. */
export interface DiscoveryStatus {
  /** Exported now. */
  readonly targets: number;
  /** What they come from: files, names, URLs, objects of an API. */
  readonly sources: number;
  /** How many of them are those of the last run, because their source has not answered since the start. */
  readonly fromDisk?: number;
  /** Of one that relabels: how many a rule drops, and how many its rules cannot be carried out on. */
  readonly dropped?: number;
  readonly skipped?: number;
  /** What the last look found that became no target, by reason: `no_address`, `too_many_ports`; absent where there is nothing such. */
  readonly skippedObjects?: Readonly<Record<string, number>>;
  /** When a look last succeeded. */
  readonly lastSuccessMs?: number;
  /** Why the last look failed as a whole; absent once one succeeds. */
  readonly lastError?: string;
  readonly lastErrorMs?: number;
  /** Some of the sources, those that fail first. */
  readonly shownSources: readonly DiscoverySourceStatus[];
}

/** Targets that nothing is scraped of because something is wrong with them. */
export interface SkippedStatus {
  readonly count: number;
  /** Why the first of them is skipped: a closed set, and in words. */
  readonly reason: string;
  readonly message: string;
}

/** State of one source of targets. */
export interface DiscoverySourceStatus {
  /** Empty where the component has no more than one. */
  readonly name: string;
  readonly targets: number;
  /** When they were found. */
  readonly foundMs?: number;
  /** They are those of the last run, kept on the disk: the source has not answered since the start. */
  readonly fromDisk: boolean;
  /** Why it has none, where that may be a mistake: "no such name". */
  readonly remark?: string;
  readonly lastError?: string;
  readonly lastErrorMs?: number;
}
