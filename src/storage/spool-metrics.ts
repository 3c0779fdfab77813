import type { Metrics } from "../observability/index.ts";

/** Why a record was lost. */
export type LostReason = "spool_full" | "spool_damaged";

/** What one log counts. */
export interface SpoolMetrics {
  /** One write with its sync, in which records became safe on disk. */
  committed(bytes: number, seconds: number): void;
  /** What became of records, in a journal. */
  noted(bytes: number): void;
  lost(reason: LostReason, records: number): void;
  tornTail(): void;
  /** How many segments cannot be opened. */
  closed(segments: number): void;
  /** How many are of a later version, and what they occupy. */
  newer(segments: number, bytes: number): void;
}

/** The metrics of the log of component `component_id`. */
export function createSpoolMetrics(metrics: Metrics, own: { readonly component_id: string }): SpoolMetrics {
  const names = ["component_id"];
  const commits = metrics.counter("agent_spool_commits_total", "Writes of records to disk, each with its sync.", names);
  const written = metrics.counter(
    "agent_spool_written_bytes_total",
    "Bytes written to disk, journals included.",
    names,
  );
  const lost = metrics.counter(
    "agent_spool_records_lost_total",
    "Records that the log let go by itself: the oldest for want of room, and damaged ones.",
    [...names, "reason"],
  );
  const torn = metrics.counter(
    "agent_spool_torn_tails_total",
    "Segments whose end was cut off because an earlier process ended while it wrote.",
    names,
  );
  const leftAlone = metrics.gauge(
    "agent_spool_left_alone_segments",
    "Segments that are neither read nor deleted: of a later version of the agent, or because they cannot be opened.",
    [...names, "reason"],
  );
  const newerBytes = metrics.gauge(
    "agent_spool_newer_format_bytes",
    "Bytes on disk in segments of a later version of the agent, which count in max_disk.",
    names,
  );
  const duration = metrics.histogram("agent_spool_commit_duration_seconds", "Seconds that one commit took.", names);
  return {
    committed(bytes, seconds) {
      commits.inc(own);
      written.inc(own, bytes);
      duration.observe(own, seconds);
    },
    noted: (bytes) => written.inc(own, bytes),
    lost: (reason, records) => lost.inc({ ...own, reason }, records),
    tornTail: () => torn.inc(own),
    closed: (segments) => leftAlone.set({ ...own, reason: "unreadable" }, segments),
    newer(segments, bytes) {
      leftAlone.set({ ...own, reason: "newer_format" }, segments);
      newerBytes.set(own, bytes);
    },
  };
}
