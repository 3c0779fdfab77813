import type { ComponentSnapshot } from "../../src/component/index.ts";
import {
  type ClusterStatus,
  type EndpointStatus,
  type Labels,
  labelValue,
  labelsOf,
  type Profile,
  type ProfileStore,
  type TargetStatus,
} from "../../src/model/index.ts";

/** The moment at which the snapshots below were taken. */
export const nowMs = Date.UTC(2026, 0, 31, 12, 0, 0);

/** A cluster of two agents, of which this is the first, that is well. */
export function cluster(given: Partial<ClusterStatus> = {}): ClusterStatus {
  const member = (name: string) => ({
    name,
    instance: `random of ${name}`,
    url: `http://${name}:12345/`,
    startedMs: nowMs - 60_000,
  });
  return {
    nodeName: "edge-1",
    instance: "random of edge-1",
    state: "member",
    members: [member("edge-1"), member("edge-2")],
    engine: "etcd",
    engineUp: true,
    ttlMs: 10_000,
    onEngineLoss: "keep",
    lastRenewalMs: nowMs - 2000,
    ...given,
  };
}

/** A component that is well and does nothing. */
export function component(given: Partial<ComponentSnapshot> & { id: string }): ComponentSnapshot {
  return {
    kind: given.id.slice(0, given.id.lastIndexOf(".")),
    health: { state: "healthy", message: "", updatedMs: nowMs - 60_000 },
    running: true,
    arguments: {},
    exports: {},
    referencesTo: [],
    referencedBy: [],
    debugInfo: {},
    ...given,
  };
}

/** A (target, type) that was scraped three seconds ago, successfully. */
export function target(address: string, given: Partial<TargetStatus> & { service?: string } = {}): TargetStatus {
  const { service = "checkout", ...status } = given;
  const type = status.type ?? "process_cpu";
  return {
    job: "pyroscope.scrape.local",
    type,
    url: `http://${address}/debug/pprof/${type === "process_cpu" ? "profile?seconds=14" : type}`,
    intervalMs: 15_000,
    timeoutMs: 18_000,
    labels: labelsOf({ __name__: type, instance: address, job: "pyroscope.scrape.local", service_name: service }),
    delta: "none",
    health: "up",
    lastScrapeMs: nowMs - 3_000,
    lastSuccessMs: nowMs - 3_000,
    lastScrapeDurationMs: 12.3456,
    nextScrapeMs: nowMs + 12_000,
    ...status,
  };
}

/** An endpoint that takes everything. */
export function endpoint(given: Partial<EndpointStatus> = {}): EndpointStatus {
  return {
    name: "http://pyroscope:4040",
    url: "http://pyroscope:4040",
    state: "up",
    queuedProfiles: 0,
    queuedBytes: 0,
    spooledProfiles: 0,
    spooledBytes: 0,
    inFlight: 0,
    sentProfiles: 1234,
    droppedProfiles: 0,
    lastSuccessMs: nowMs - 2_000,
    ...given,
  };
}

/** A stored profile whose bytes are not a profile; the server does not look inside. */
export function profile(id: string, labels: Labels | Record<string, string>, ageMs = 3_000): Profile {
  return {
    id,
    labels: Array.isArray(labels) ? (labels as Labels) : labelsOf(labels as Record<string, string>),
    data: new TextEncoder().encode(`bytes of ${id}`),
    info: {
      sampleTypes: [
        { type: "samples", unit: "count" },
        { type: "cpu", unit: "nanoseconds" },
      ],
      samples: 321,
      timeMs: nowMs - ageMs,
      durationMs: 14_000,
      rawBytes: 4096,
    },
    scrapedAtMs: nowMs - ageMs,
  };
}

/** A store of these profiles. A merge is their ids, unless `merge` does otherwise. */
export function store(profiles: readonly Profile[], merge?: ProfileStore["merge"]): ProfileStore {
  const list: ProfileStore["list"] = ({ labels = [], fromMs = 0, untilMs = Number.MAX_SAFE_INTEGER }) =>
    profiles
      .filter(({ scrapedAtMs }) => scrapedAtMs >= fromMs && scrapedAtMs <= untilMs)
      .filter((one) => labels.every(({ name, value }) => labelValue(one.labels, name) === value))
      .map(({ data, ...rest }) => ({ ...rest, bytes: data.length }))
      .sort((a, b) => b.scrapedAtMs - a.scrapedAtMs);
  return {
    list,
    get: (id) => profiles.find((one) => one.id === id),
    merge:
      merge ??
      ((query) =>
        Promise.resolve(
          new TextEncoder().encode(
            list(query)
              .map(({ id }) => id)
              .join("+"),
          ),
        )),
  };
}

const services =
  "checkout cart gateway billing search mailer auth ledger sensor-hub modbus-bridge opc-reader video-relay".split(" ");
const types = ["block", "goroutine", "memory", "mutex", "process_cpu"];

/** A box in mixed states: twelve processes, two endpoints of which one is down, a store, one component at fault. */
export function busyBox(): readonly ComponentSnapshot[] {
  const targets = services.flatMap((service, index) => types.map((type) => busyTarget(service, type, index)));
  return [
    component({
      id: "pyroscope.scrape.local",
      debugInfo: { targets },
      referencesTo: ["pyroscope.store.local", "pyroscope.write.staging"],
    }),
    component({
      id: "pyroscope.write.staging",
      exports: { receiver: { append: () => Promise.resolve() } },
      referencedBy: ["pyroscope.scrape.local"],
      debugInfo: { endpoints: [endpoint({ name: "eu", url: "https://profiles-eu.example.com" }), endpointInOutage] },
    }),
    component({
      id: "pyroscope.store.local",
      exports: { profiles: store(busyProfiles()) },
      referencedBy: ["pyroscope.scrape.local"],
    }),
    component({
      id: "pyroscope.write.lab",
      health: {
        state: "unhealthy",
        message: 'Cannot read "password_file": no such file "/run/secrets/lab"',
        updatedMs: nowMs - 5000,
      },
      debugInfo: { endpoints: [] },
    }),
  ];
}

function busyTarget(service: string, type: string, index: number): TargetStatus {
  const address = `10.0.0.${index + 10}:6060`;
  const sinceMs = 1000 * ((index * 5) % 15);
  const scraped = target(address, {
    service,
    type,
    lastScrapeDurationMs: type === "process_cpu" ? 14_012 : 8 + index * 3,
    lastScrapeMs: nowMs - sinceMs,
    nextScrapeMs: nowMs + 15_000 - sinceMs,
  });
  const { lastSuccessMs: _, ...neverGood } = { ...scraped, health: "down" as const };
  if (service === "billing") {
    const lastError = `Cannot connect to "${address}": connection refused; is the process running?`;
    return { ...neverGood, lastErrorReason: "refused", lastError, lastSuccessMs: nowMs - 260_000 };
  }
  if (service === "mailer" && type === "process_cpu") {
    const lastError = `Cannot profile the CPU of "${address}": another profiler is active ("cpu profiling already in use")`;
    return { ...neverGood, lastErrorReason: "cpu_busy", lastError, lastSuccessMs: nowMs - 33_000 };
  }
  if (service === "search" && (type === "block" || type === "mutex")) {
    const lastError = 'Expected a pprof profile, got HTML: "<!DOCTYPE html><html><head><title>Sign in</title>"';
    return { ...neverGood, lastErrorReason: "not_pprof", lastError };
  }
  if (service !== "video-relay") return scraped;
  const { lastScrapeMs: _1, lastScrapeDurationMs: _2, ...neverScraped } = neverGood;
  return { ...neverScraped, health: "unknown" };
}

const endpointInOutage = endpoint({
  name: "http://10.1.0.4:4040",
  url: "http://10.1.0.4:4040",
  state: "down",
  queuedProfiles: 214,
  queuedBytes: 3_250_000,
  spooledProfiles: 1186,
  spooledBytes: 18_400_000,
  oldestQueuedMs: nowMs - 250_000,
  inFlight: 1,
  pausedUntilMs: nowMs + 12_000,
  clockSkewMs: -95_000,
  sentProfiles: 9871,
  droppedProfiles: 3,
  droppedByReason: { too_old: 2, invalid: 1 },
  lastDroppedMs: nowMs - 90_000,
  dropAdvice: "profiles waited longer than queue.max_age (now 50m): see why the server could not be reached",
  lastSuccessMs: nowMs - 251_000,
  lastError:
    'Cannot push to "http://10.1.0.4:4040": 503 Service Unavailable, "at least 1 live replicas required, could only find 0"',
  lastErrorMs: nowMs - 1_500,
  advice: "look at the log of the server: its ingesters are not ready",
});

function busyProfiles(): readonly Profile[] {
  return services.slice(0, 6).flatMap((service, s) =>
    types.flatMap((type, t) =>
      [0, 1, 2].map((n) => {
        const labels = { __name__: type, service_name: service, instance: `10.0.0.${s + 10}:6060` };
        return profile(`0190f0${s}${t}-${n}000-7000-8000-000000000000`, labels, 2_000 + n * 15_000 + s * 700 + t * 90);
      }),
    ),
  );
}
