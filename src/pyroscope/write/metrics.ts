import type { Metrics } from "../../observability/index.ts";
import type { StorageReason } from "../../storage/index.ts";
import type { DropReason, Rejected } from "./push-outcome.ts";

/** What one endpoint counts. Names that Alloy has too mean the same there; bytes are those of profiles as sent. */
export interface EndpointMetrics {
  sent(bytes: number): void;
  dropped(reason: DropReason, bytes: number): void;
  /** One request, by what came of it. */
  attempted(result: "sent" | Rejected["reason"], seconds: number): void;
  retried(): void;
  /** Shows how much waits, asked for whenever metrics are; until the returned function is called. */
  showQueue(read: () => QueueGauges): () => void;
}

export interface QueueGauges {
  readonly profiles: number;
  readonly bytes: number;
  readonly records: number;
  readonly recordBytes: number;
  readonly oldestAgeSeconds: number;
  readonly window: number;
  readonly clockSkewSeconds: number | undefined;
}

/** What the disk side of one component counts. */
export interface SpoolMetrics {
  written(bytes: number): void;
  failed(reason: StorageReason): void;
}

/** The metrics of the spool of component `component_id`. */
export function createSpoolMetrics(metrics: Metrics, own: { readonly component_id: string }): SpoolMetrics {
  const counter = (name: string, help: string, more: readonly string[] = []) =>
    metrics.counter(`pyroscope_write_${name}`, help, ["component_id", ...more]);
  const profiles = counter("spooled_profiles_total", "Profiles written to disk, however many endpoints want them.");
  const bytes = counter("spooled_bytes_total", "Bytes of profiles written to disk.");
  const errors = counter("spool_errors_total", "Failed reads and writes of the spool, by reason.", ["reason"]);
  return {
    written(size) {
      profiles.inc(own);
      bytes.inc(own, size);
    },
    failed: (reason) => errors.inc({ ...own, reason }),
  };
}

/** The metrics of the endpoint `endpoint` of component `component_id`. */
export function createEndpointMetrics(
  metrics: Metrics,
  own: { readonly component_id: string; readonly endpoint: string },
): EndpointMetrics {
  const names = ["component_id", "endpoint"];
  const counter = (name: string, help: string, more: readonly string[] = []) =>
    metrics.counter(`pyroscope_write_${name}`, help, [...names, ...more]);
  const sentProfiles = counter("sent_profiles_total", "Profiles that the server took.");
  const sentBytes = counter("sent_bytes_total", "Bytes of profiles that the server took.");
  const droppedProfiles = counter("dropped_profiles_total", "Profiles given up, by reason.", ["reason"]);
  const droppedBytes = counter("dropped_bytes_total", "Bytes of profiles given up, by reason.", ["reason"]);
  const attempts = counter("attempts_total", "Requests, by result: sent, or why not.", ["result"]);
  const retries = counter("retries_total", "Requests that were not the first of their profile.");
  const latency = metrics.histogram("pyroscope_write_latency", "Seconds that one request took.", names);
  return {
    sent(bytes) {
      sentProfiles.inc(own);
      sentBytes.inc(own, bytes);
    },
    dropped(reason, bytes) {
      droppedProfiles.inc({ ...own, reason });
      droppedBytes.inc({ ...own, reason }, bytes);
    },
    attempted(result, seconds) {
      attempts.inc({ ...own, result });
      latency.observe(own, seconds);
    },
    retried: () => retries.inc(own),
    showQueue: (read) => showQueue(metrics, own, read),
  };
}

const gaugeHelp = {
  queue_profiles: "Profiles in memory that wait or are in flight.",
  queue_bytes: "Memory that they occupy.",
  queue_oldest_age_seconds: "How long the oldest profile has been waiting, in memory or on disk.",
  spool_records: "Profiles on disk that wait or are in flight.",
  spool_bytes: "What they occupy there.",
  window: "Requests that may be in flight at once now.",
  clock_skew_seconds: "The server's clock minus this machine's.",
} as const;

const ofEndpoint = ["component_id", "endpoint"];

/** What is on disk for one endpoint. */
export function spoolGauges(metrics: Metrics) {
  const gauge = (name: keyof typeof gaugeHelp) => metrics.gauge(`pyroscope_write_${name}`, gaugeHelp[name], ofEndpoint);
  return { records: gauge("spool_records"), bytes: gauge("spool_bytes") };
}

function showQueue(metrics: Metrics, own: Readonly<Record<string, string>>, read: () => QueueGauges): () => void {
  const gauges = Object.entries(gaugeHelp).map(
    ([name, help]) => [name, metrics.gauge(`pyroscope_write_${name}`, help, Object.keys(own))] as const,
  );
  const unregister = metrics.onCollect(() => {
    const values = valuesOf(read());
    for (const [name, gauge] of gauges) {
      const value = values[name];
      if (value === undefined) gauge.remove(own);
      else gauge.set(own, value);
    }
  });
  return () => {
    unregister();
    for (const [, gauge] of gauges) gauge.remove(own);
  };
}

function valuesOf(now: QueueGauges): Readonly<Record<string, number | undefined>> {
  return {
    queue_profiles: now.profiles,
    queue_bytes: now.bytes,
    queue_oldest_age_seconds: now.oldestAgeSeconds,
    spool_records: now.records,
    spool_bytes: now.recordBytes,
    window: now.window,
    clock_skew_seconds: now.clockSkewSeconds,
  };
}
