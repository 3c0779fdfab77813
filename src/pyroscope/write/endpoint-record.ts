import type { Clock } from "../../base/index.ts";
import type { EndpointStatus } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import { dropAdvice } from "./drop-advice.ts";
import { type Dropped, DropLog } from "./drop-log.ts";
import type { EndpointMetrics } from "./metrics.ts";
import { writeLimits } from "./limits.ts";
import type { DropReason, Rejected, Retryable } from "./push-outcome.ts";
import type { EndpointArguments } from "./pusher.ts";

type Recorded = Pick<
  EndpointStatus,
  | "sentProfiles"
  | "droppedProfiles"
  | "droppedByReason"
  | "lastDroppedMs"
  | "lastDropMessage"
  | "dropAdvice"
  | "lastSuccessMs"
  | "lastError"
  | "lastErrorMs"
>;

/** What a push came to, or what else is to be said. */
type Words = Pick<Rejected, "message" | "hint"> & { readonly reason?: Rejected["reason"] };

// One line at the end counts these.
const saidTogether: ReadonlySet<DropReason> = new Set(["shutdown", "endpoint_removed"]);

export interface EndpointRecordOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** As it is configured now. */
  readonly queue: () => EndpointArguments["queue"];
}

/** What became of an endpoint's profiles: for the metrics, the log and the status, so that the three agree. */
export class EndpointRecord {
  readonly #clock: Clock;
  readonly #metrics: EndpointMetrics;
  readonly #dropLog: DropLog;
  readonly #queue: EndpointRecordOptions["queue"];
  #sent = 0;
  readonly #dropped = new Map<
    DropReason,
    { count: number; lastUptimeMs: number; push: Rejected["reason"] | undefined }
  >();
  #lastDroppedMs: number | undefined;
  #lastDropMessage: string | undefined;
  #lastSuccessMs: number | undefined;
  #lastError: { readonly message: string; readonly hint?: string | undefined; readonly atMs: number } | undefined;

  constructor(metrics: EndpointMetrics, { log, clock, queue }: EndpointRecordOptions) {
    this.#metrics = metrics;
    this.#queue = queue;
    this.#clock = clock;
    this.#dropLog = new DropLog(log, clock);
  }

  sent(bytes: number): void {
    this.#sent += 1;
    this.#lastSuccessMs = this.#clock.now();
    this.#metrics.sent(bytes);
  }

  /** `why` says it in words, where the reason alone does not. */
  dropped(dropped: Dropped, reason: DropReason, why?: Words): void {
    const { count = 0 } = this.#dropped.get(reason) ?? {};
    this.#dropped.set(reason, { count: count + 1, lastUptimeMs: this.#clock.uptime(), push: why?.reason });
    this.#lastDroppedMs = this.#clock.now();
    this.#metrics.dropped(reason, dropped.bytes);
    if (why) {
      this.#noteError(why);
      this.#lastDropMessage = why.message;
    }
    const advice = why ? undefined : dropAdvice({ reason }, this.#queue());
    if (!saidTogether.has(reason)) this.#dropLog.dropped(dropped, reason, { message: why?.message, advice });
  }

  failed(failure: Retryable): void {
    this.#noteError(failure);
  }

  /** To be called at the end: the log says what it has not said yet. */
  close(): void {
    this.#dropLog.close();
  }

  snapshot(): Recorded {
    return {
      sentProfiles: this.#sent,
      droppedProfiles: [...this.#dropped.values()].reduce((sum, { count }) => sum + count, 0),
      droppedByReason: Object.fromEntries([...this.#dropped].map(([reason, { count }]) => [reason, count])),
      ...(this.#lastDroppedMs !== undefined && { lastDroppedMs: this.#lastDroppedMs }),
      ...(this.#lastSuccessMs !== undefined && { lastSuccessMs: this.#lastSuccessMs }),
      ...(this.#lastError && { lastError: this.#lastError.message, lastErrorMs: this.#lastError.atMs }),
      ...(this.#lastDropMessage !== undefined && { lastDropMessage: this.#lastDropMessage }),
      ...this.#dropAdvice(),
      ...this.#advice(),
    };
  }

  #dropAdvice(): Pick<EndpointStatus, "dropAdvice"> {
    const sinceMs = this.#clock.uptime() - writeLimits.dropAdviceMs;
    const sentences = [...this.#dropped]
      .filter(([, { lastUptimeMs }]) => lastUptimeMs >= sinceMs)
      .sort(([, a], [, b]) => b.lastUptimeMs - a.lastUptimeMs)
      .flatMap(([reason, { push }]) => dropAdvice({ reason, push }, this.#queue()) ?? [])
      .map((sentence, index) => (index === 0 ? sentence : sentence.charAt(0).toUpperCase() + sentence.slice(1)));
    return sentences.length > 0 ? { dropAdvice: sentences.join(". ") } : {};
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
