import type { Metrics } from "../../observability/index.ts";
import type { DropReason, PushReason } from "./push-outcome.ts";

/** What one endpoint counts. Names that Alloy has too mean the same there; bytes are those of profiles as sent. */
export interface EndpointMetrics {
  sent(bytes: number): void;
  dropped(reason: DropReason, bytes: number): void;
  /** One request, by what came of it. */
  attempted(result: "sent" | PushReason, seconds: number): void;
  retried(): void;
  /** Shows how much waits, asked for whenever metrics are; until the returned function is called. */
  showQueue(read: () => QueueGauges): () => void;
}

export interface QueueGauges {
  readonly profiles: number;
  readonly bytes: number;
  readonly oldestAgeSeconds: number;
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

function showQueue(metrics: Metrics, own: Readonly<Record<string, string>>, read: () => QueueGauges): () => void {
  const gauge = (name: string, help: string) => metrics.gauge(`pyroscope_write_queue_${name}`, help, Object.keys(own));
  const profiles = gauge("profiles", "Profiles that wait or are in flight.");
  const bytes = gauge("bytes", "Memory that they occupy.");
  const oldest = gauge("oldest_age_seconds", "How long the oldest has been waiting.");
  const unregister = metrics.onCollect(() => {
    const now = read();
    profiles.set(own, now.profiles);
    bytes.set(own, now.bytes);
    oldest.set(own, now.oldestAgeSeconds);
  });
  return () => {
    unregister();
    for (const each of [profiles, bytes, oldest]) each.remove(own);
  };
}
