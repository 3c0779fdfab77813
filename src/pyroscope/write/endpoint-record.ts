import type { Clock } from "../../base/index.ts";
import type { EndpointStatus, Profile } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import { createDropLog, type DropLog } from "./drop-log.ts";
import type { EndpointMetrics } from "./metrics.ts";
import type { DropReason, Retryable } from "./push-outcome.ts";

type Recorded = Pick<
  EndpointStatus,
  "sentProfiles" | "droppedProfiles" | "lastSuccessMs" | "lastError" | "lastErrorMs"
>;

// One line at the end counts these.
const saidTogether: ReadonlySet<DropReason> = new Set(["shutdown", "endpoint_removed"]);

/** What became of an endpoint's profiles: for the metrics, the log and the status, so that the three agree. */
export class EndpointRecord {
  readonly #clock: Clock;
  readonly #metrics: EndpointMetrics;
  readonly #logDrop: DropLog;
  #sent = 0;
  #dropped = 0;
  #lastSuccessMs: number | undefined;
  #lastError: { readonly message: string; readonly atMs: number } | undefined;

  constructor(metrics: EndpointMetrics, { log, clock }: { readonly log: Logger; readonly clock: Clock }) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#logDrop = createDropLog(log, clock);
  }

  sent({ data }: Profile): void {
    this.#sent += 1;
    this.#lastSuccessMs = this.#clock.now();
    this.#metrics.sent(data.byteLength);
  }

  /** `message` says why in words, where the reason alone does not. */
  dropped(profile: Profile, reason: DropReason, message?: string): void {
    this.#dropped += 1;
    this.#metrics.dropped(reason, profile.data.byteLength);
    if (message !== undefined) this.#noteError(message);
    if (!saidTogether.has(reason)) this.#logDrop(profile, reason, message);
  }

  failed({ message }: Retryable): void {
    this.#noteError(message);
  }

  snapshot(): Recorded {
    return {
      sentProfiles: this.#sent,
      droppedProfiles: this.#dropped,
      ...(this.#lastSuccessMs !== undefined && { lastSuccessMs: this.#lastSuccessMs }),
      ...(this.#lastError && { lastError: this.#lastError.message, lastErrorMs: this.#lastError.atMs }),
    };
  }

  #noteError(message: string): void {
    this.#lastError = { message, atMs: this.#clock.now() };
  }
}
