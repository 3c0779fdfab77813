import { formatDuration, maskedSecret, withoutUserinfo } from "../base/index.ts";
import {
  type DiscoveryStatus,
  type EndpointStatus,
  type Labels,
  labelsToJson,
  refusesAll,
  type TargetStatus,
} from "../model/index.ts";
import type { ConfigStatus } from "./config-status.ts";

/** Wall time as RFC 3339; `undefined` stays away from the JSON. */
export function rfc3339(timeMs: number | undefined): string | undefined {
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString();
}

/** The configuration in force; `last_failure` until a load succeeds. */
export function configJson({ hash, generation, loadedMs, needsRestart, failure }: ConfigStatus) {
  return {
    sha256: hash,
    generation,
    loaded: rfc3339(loadedMs),
    needs_restart: needsRestart,
    last_failure: failure && { at: rfc3339(failure.atMs), message: failure.message },
  };
}

/** One (target, type) of a scrape component. Durations are in Go's form, as in the configuration. */
export function targetJson(component: string, target: TargetStatus) {
  return {
    component,
    job: target.job,
    type: target.type,
    url: withoutUserinfo(target.url),
    health: target.health,
    last_error: target.lastError,
    last_error_reason: target.lastErrorReason,
    last_scrape: rfc3339(target.lastScrapeMs),
    last_success: rfc3339(target.lastSuccessMs),
    last_scrape_duration: durationJson(target.lastScrapeDurationMs),
    next_scrape: rfc3339(target.nextScrapeMs),
    scrape_interval: formatDuration(target.intervalMs),
    scrape_timeout: formatDuration(target.timeoutMs),
    seconds: target.seconds,
    delta: target.delta,
    delta_withheld: target.deltaWithheld,
    clock_skew: durationJson(target.clockSkewMs),
    labels: labelsToJson(target.labels),
  };
}

/** One endpoint of a write component. */
export function endpointJson(endpoint: EndpointStatus) {
  return {
    name: endpoint.name,
    url: withoutUserinfo(endpoint.url),
    state: endpoint.state,
    refuses: refusesAll(endpoint) || undefined,
    queued_profiles: endpoint.queuedProfiles,
    queued_bytes: endpoint.queuedBytes,
    spooled_profiles: endpoint.spooledProfiles,
    spooled_bytes: endpoint.spooledBytes,
    spool_problem: endpoint.spoolProblem,
    oldest_queued: rfc3339(endpoint.oldestQueuedMs),
    in_flight: endpoint.inFlight,
    paused_since: rfc3339(endpoint.pausedSinceMs),
    paused_until: rfc3339(endpoint.pausedUntilMs),
    clock_skew: durationJson(endpoint.clockSkewMs),
    sent_profiles: endpoint.sentProfiles,
    dropped_profiles: endpoint.droppedProfiles,
    dropped_by_reason: endpoint.droppedByReason,
    last_dropped: rfc3339(endpoint.lastDroppedMs),
    last_drop_message: endpoint.lastDropMessage,
    drop_advice: endpoint.dropAdvice,
    last_success: rfc3339(endpoint.lastSuccessMs),
    last_error: endpoint.lastError,
    last_error_at: rfc3339(endpoint.lastErrorMs),
    advice: endpoint.advice,
  };
}

/** A component that discovers targets. */
export function discoveryJson(discovery: DiscoveryStatus) {
  return {
    targets: discovery.targets,
    last_success: rfc3339(discovery.lastSuccessMs),
    last_error: discovery.lastError,
    last_error_at: rfc3339(discovery.lastErrorMs),
    sources: discovery.sources,
    skipped_objects: discovery.skippedObjects,
    shown_sources: discovery.shownSources.map((source) => ({
      name: source.name,
      targets: source.targets,
      found: rfc3339(source.foundMs),
      from_disk: source.fromDisk,
      remark: source.remark,
      last_error: source.lastError,
      last_error_at: rfc3339(source.lastErrorMs),
    })),
  };
}

function durationJson(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(Math.round(ms * 1000) / 1000);
}

/**
 * Parsed arguments, or whatever else a kind reports, as JSON can show them: label sets and maps become objects, URLs lose
 * their userinfo and query, which may hold a token. Secrets, durations, sizes and references turn themselves into text. `nameOf` renames the keys of records.
 */
export function shown(value: unknown, nameOf: (key: string) => string = (key) => key): unknown {
  if (typeof value === "string") return shownText(value);
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  if (isLabels(value)) return labelsToJson(value);
  if (Array.isArray(value)) return value.map((item) => shown(item, nameOf));
  // No prototype, because the keys of a map come from outside and "__proto__" may be one.
  const object = Object.create(null) as Record<string, unknown>;
  if (value instanceof Map) for (const [key, item] of value) object[String(key)] = shown(item, nameOf);
  else for (const [key, item] of Object.entries(value)) object[nameOf(key)] = shown(item, nameOf);
  return object;
}

function shownText(text: string): string {
  const url = text.includes("@") ? withoutUserinfo(text) : text;
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^?#]*\?).+$/is, `$1${maskedSecret}`);
}

/** The name in the API of a field that is `camelCase` in code. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isLabels(value: object): value is Labels {
  return Array.isArray(value) && value.length > 0 && value.every(isLabel);
}

function isLabel(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, value: text } = value as Record<string, unknown>;
  return Object.keys(value).length === 2 && typeof name === "string" && typeof text === "string";
}
