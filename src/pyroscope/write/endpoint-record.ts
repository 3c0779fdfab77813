import type { Clock } from "../../base/index.ts";
import type { EndpointStatus } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import { createDropLog, type Dropped, type DropLog } from "./drop-log.ts";
import type { EndpointMetrics } from "./metrics.ts";
import type { DropReason, Rejected, Retryable } from "./push-outcome.ts";

type Recorded = Pick<
  EndpointStatus,
  | "sentProfiles"
  | "droppedProfiles"
  | "droppedByReason"
  | "lastDroppedMs"
  | "lastSuccessMs"
  | "lastError"
  | "lastErrorMs"
>;

type Words = Pick<Rejected, "message" | "hint">;

// One line at the end counts these.
const saidTogether: ReadonlySet<DropReason> = new Set(["shutdown", "endpoint_removed"]);

/** What became of an endpoint's profiles: for the metrics, the log and the status, so that the three agree. */
export class EndpointRecord {
  readonly #clock: Clock;
  readonly #metrics: EndpointMetrics;
  readonly #logDrop: DropLog;
  #sent = 0;
  readonly #dropped = new Map<DropReason, number>();
  #lastDroppedMs: number | undefined;
  #lastSuccessMs: number | undefined;
  #lastError: { readonly message: string; readonly hint?: string | undefined; readonly atMs: number } | undefined;

  constructor(metrics: EndpointMetrics, { log, clock }: { readonly log: Logger; readonly clock: Clock }) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#logDrop = createDropLog(log, clock);
  }

  sent(bytes: number): void {
    this.#sent += 1;
    this.#lastSuccessMs = this.#clock.now();
    this.#metrics.sent(bytes);
  }

  /** `why` says it in words, where the reason alone does not. */
  dropped(dropped: Dropped, reason: DropReason, why?: Words): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    this.#lastDroppedMs = this.#clock.now();
    this.#metrics.dropped(reason, dropped.bytes);
    if (why) this.#noteError(why);
    if (!saidTogether.has(reason)) this.#logDrop(dropped, reason, why?.message);
  }

  failed(failure: Retryable): void {
    this.#noteError(failure);
  }

  snapshot(): Recorded {
    return {
      sentProfiles: this.#sent,
      droppedProfiles: [...this.#dropped.values()].reduce((sum, count) => sum + count, 0),
      droppedByReason: Object.fromEntries(this.#dropped),
      ...(this.#lastDroppedMs !== undefined && { lastDroppedMs: this.#lastDroppedMs }),
      ...(this.#lastSuccessMs !== undefined && { lastSuccessMs: this.#lastSuccessMs }),
      ...(this.#lastError && { lastError: this.#lastError.message, lastErrorMs: this.#lastError.atMs }),
      ...this.#advice(),
    };
  }

  /** What to do about the last error, unless a push succeeded since. */
  #advice(): Pick<EndpointStatus, "advice"> {
    const { hint, atMs = 0 } = this.#lastError ?? {};
    if (hint === undefined || (this.#lastSuccessMs !== undefined && this.#lastSuccessMs > atMs)) return {};
    return { advice: hint };
  }

  #noteError({ message, hint }: Words): void {
    this.#lastError = { message, hint, atMs: this.#clock.now() };
  }
}
