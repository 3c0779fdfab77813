import { type Clock, formatDuration } from "../../base/index.ts";
import type { DamagedStatus, LeftEndpointStatus } from "../../model/index.ts";
import type { Logger, Metrics } from "../../observability/index.ts";
import type { SpoolLog } from "../../storage/index.ts";
import { ownerName } from "./endpoint-key.ts";
import { keptRecords } from "./kept-records.ts";
import { writeLimits } from "./limits.ts";
import { createEndpointMetrics } from "./metrics.ts";
import type { DropReason } from "./push-outcome.ts";

export interface LeftEndpointsOptions {
  /** Of the component. */
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** `undefined` until it is open. */
  readonly spoolLog: () => SpoolLog | undefined;
  /** Keys of the endpoints of the configuration, and of those that are ending. */
  readonly present: () => ReadonlySet<string>;
}

/**
 * Endpoints that are no longer in the configuration and have records on disk. They are kept for as long as a server would take them,
 * so that an endpoint that comes back has them; then they are counted and let go.
 */
export class LeftEndpoints {
  readonly #options: LeftEndpointsOptions;
  #damaged: DamagedStatus | undefined;
  #nextExpiryMs = Number.NEGATIVE_INFINITY;

  constructor(options: LeftEndpointsOptions) {
    this.#options = options;
  }

  /** What is kept for whom. */
  snapshot(): readonly LeftEndpointStatus[] {
    const { spoolLog, clock } = this.#options;
    const log = spoolLog();
    if (!log) return [];
    return this.#owners().map((owner) => ({ endpoint: ownerName(owner), ...keptRecords(log, [owner], clock) }));
  }

  /** Says once whose records nobody sends. */
  announce(): void {
    const endpoints = this.#owners().map(ownerName);
    const kept_for = formatDuration(writeLimits.leftAgeMs);
    if (endpoints.length > 0)
      this.#options.log.warn("Profiles on disk are for endpoints that are not in the configuration", {
        endpoints,
        kept_for,
        advice: "put the endpoint back as it was; one that has a name keeps its queue when its url changes",
      });
  }

  /** Looks at the records every `writeLimits.leftExpireMs` until `signal` aborts. */
  run(signal: AbortSignal): void {
    const { clock } = this.#options;
    this.expire();
    const timer = clock.after(writeLimits.leftExpireMs, () => {
      signal.removeEventListener("abort", cancel);
      this.run(signal);
    });
    const cancel = (): void => timer.cancel();
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
  }

  /** Each time it lets something go is a line of the log, so that it is done now and then. */
  expire(): void {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = nowMs + writeLimits.leftExpireMs;
    for (const owner of this.#owners()) this.#expireOwner(owner);
  }

  /** What was lost to damage, of endpoints that left or that nobody knows any more. */
  get damaged(): DamagedStatus | undefined {
    return this.#damaged;
  }

  /** Counts a record of an endpoint that left. */
  dropped(owner: string, { reason, bytes }: { readonly reason: DropReason; readonly bytes: number }): void {
    const { id, metrics, clock } = this.#options;
    if (reason === "spool_damaged")
      this.#damaged = { profiles: (this.#damaged?.profiles ?? 0) + 1, lastMs: clock.now() };
    createEndpointMetrics(metrics, { component_id: id, endpoint: ownerName(owner) }).dropped(reason, bytes);
  }

  #expireOwner(owner: string): void {
    const log = this.#options.spoolLog();
    if (!log) return;
    let profiles = 0;
    for (let number = log.next(owner); number !== undefined; number = log.next(owner, number)) {
      const ageMs = log.ageOf(number);
      if (ageMs === "not_yet" || (typeof ageMs === "number" && ageMs <= writeLimits.leftAgeMs)) break;
      this.dropped(owner, { reason: "endpoint_removed", bytes: log.bytesOf(number) });
      log.settle(number, owner);
      profiles += 1;
    }
    const fields = { reason: "endpoint_removed", endpoint: ownerName(owner), profiles };
    if (profiles > 0) this.#options.log.warn("Profiles dropped: their endpoint is not in the configuration", fields);
  }

  #owners(): readonly string[] {
    const present = this.#options.present();
    return (this.#options.spoolLog()?.owners() ?? []).filter((owner) => !present.has(owner));
  }
}
