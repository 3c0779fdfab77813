import { type Clock, formatSpan, limits, Secret, withoutUserinfo } from "../../base/index.ts";
import { createHttpClient, type HttpClient } from "../../http/index.ts";
import type { Profile } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { WriteArguments } from "./arguments.ts";
import { classifyReply, internalFailure, isFromPushApi, isTransportError, type Reply } from "./classify-reply.ts";
import { pushUrl } from "./endpoint-url.ts";
import { writeLimits } from "./limits.ts";
import type { PushOutcome, Rejected } from "./push-outcome.ts";
import { pushRequestBody } from "./push-request.ts";
import { retimed, wrongTimeHint } from "./retimed.ts";
import { createServerClock } from "./server-clock.ts";

export type EndpointArguments = WriteArguments["endpoint"][number];

/** How one endpoint is reached, for as long as its arguments do not change. */
export interface Pusher {
  readonly args: EndpointArguments;
  /** Its name, else its URL; without userinfo. For the metric label and everything that is shown. */
  readonly name: string;
  /**
   * One attempt, with the profile's time corrected where this box's clock was wrong. A second one follows at once where the answer to
   * the first told that it is. Never rejects: what nobody foresaw is the outcome `internal`, and its first occurrence an error in the log.
   */
  push(profile: Profile, options: PushOptions): Promise<PushOutcome>;
  /** The server's clock minus this box's in milliseconds, to the second; `undefined` before the first answer that told the time. */
  clockSkewMs(): number | undefined;
  /** Closes idle connections; attempts in flight finish. */
  close(): void;
}

export interface PushOptions {
  readonly signal: AbortSignal;
  /** By how much the box's clock was behind when the profile was queued, in milliseconds; 0 unless it was set since. */
  readonly shiftMs?: number;
  /** Whether it was queued in an earlier run of the machine: today's clock says nothing about that one, so its time is sent as it is. */
  readonly ofEarlierBoot?: boolean;
}

export interface PusherOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  readonly log: Logger;
}

/** Makes a pusher that calls `push.v1.PusherService/Push` with Connect unary over HTTP (connectrpc.com/docs/protocol). */
export function createPusher(args: EndpointArguments, { clock, userAgent, log }: PusherOptions): Pusher {
  const client = createHttpClient({ args, clock, log });
  const url = pushUrl(args.url);
  const name = args.name ?? withoutUserinfo(args.url);
  const serverClock = createServerClock({ clock, log: log.with({ endpoint: name }) });
  let saidInternal = false;

  const attempt = async (profile: Profile, signal: AbortSignal): Promise<PushOutcome> => {
    const reply = await request(client, {
      url,
      method: "POST",
      headers: pushHeaders(args, userAgent),
      body: pushRequestBody(profile),
      maxBytes: writeLimits.responseBytes,
      timeoutMs: args.remote_timeout.ms,
      signal,
    });
    // What answers in its place, a router's login page say, may have no idea of the time.
    if ("response" in reply && isFromPushApi(reply.response)) serverClock.note(reply.response);
    return classifyReply(reply, { retryRateLimited: args.retry_on_http_429, nowMs: clock.now() });
  };

  const skewMs = (): number => serverClock.skewMs() ?? 0;

  const attemptInTime = async (profile: Profile, options: PushOptions): Promise<PushOutcome> => {
    const { signal, shiftMs = 0, ofEarlierBoot = false } = options;
    const corrected = (): Profile => (ofEarlierBoot ? profile : retimed(profile, shiftMs + skewMs()));
    const first = corrected();
    const outcome = await attempt(first, signal);
    if (!isOutsideWindow(outcome)) return outcome;
    if (ofEarlierBoot && Math.abs(skewMs()) > limits.clockToleranceMs) return { ...outcome, reason: "unknown_age" };
    const second = corrected();
    if (differ(first, second)) return withMoved(await attempt(second, signal), profile, second);
    const byThisBox = ofEarlierBoot ? profile : retimed(profile, shiftMs);
    if (!differ(first, byThisBox)) return withHint(outcome, wrongTimeHint(profile));
    // By the server's own clock it is not that old: then what its answers tell may be another one.
    const isYoung = clock.now() - shiftMs - profile.scrapedAtMs <= writeLimits.takenAgeMs;
    const plain = isYoung ? await attempt(byThisBox, signal) : outcome;
    if (plain.outcome === "sent") serverClock.distrust();
    return plain.outcome === "rejected" ? withMoved(outcome, profile, first) : plain;
  };

  return {
    args,
    name,
    async push(profile, options) {
      try {
        return await attemptInTime(profile, options);
      } catch (thrown) {
        if (!saidInternal)
          log.error("Push failed in the agent itself", { endpoint: name, id: profile.id, err: thrown });
        saidInternal = true;
        return internalFailure(thrown);
      }
    },
    clockSkewMs: () => serverClock.skewMs(),
    close: () => client.close(),
  };
}

/** Pyroscope's words for a profile whose time is too far from its own clock: "profile with labels … is outside of ingestion window". */
const outsideWindow = /\boutside of (?:the )?(?:ingestion|time) window\b/i;

function isOutsideWindow(outcome: PushOutcome): outcome is Rejected {
  return outcome.outcome === "rejected" && outcome.reason === "invalid" && outsideWindow.test(outcome.message);
}

function differ(a: Profile, b: Profile): boolean {
  return Math.abs(a.info.timeMs - b.info.timeMs) > limits.clockToleranceMs;
}

/** Tells of a refusal that the time which was refused is the agent's doing. */
function withMoved(outcome: PushOutcome, profile: Profile, { info }: Profile): PushOutcome {
  const byMs = info.timeMs - profile.info.timeMs;
  if (!isOutsideWindow(outcome) || byMs === 0) return outcome;
  const hint = `the agent had moved the profile's time ${formatSpan(Math.abs(byMs))} ${byMs > 0 ? "ahead" : "back"}, to what the server's answers tell: check the clocks of this box, the server and proxies in between`;
  return withHint(outcome, hint);
}

function withHint(outcome: Rejected, hint: string | undefined): Rejected {
  return hint === undefined ? outcome : { ...outcome, message: `${outcome.message}; ${hint}` };
}

/**
 * The headers of a push: those of the configuration, of which the protocol's win (reference 3.2). The only place that reveals header
 * values that count as secret.
 */
export function pushHeaders(args: EndpointArguments, userAgent: string): Record<string, string> {
  const configured = Object.entries(args.headers).map(
    ([name, value]) => [name.toLowerCase(), value instanceof Secret ? value.reveal() : value] as const,
  );
  return {
    ...Object.fromEntries(configured),
    "user-agent": userAgent,
    "content-type": "application/proto",
    "connect-protocol-version": "1",
    "connect-timeout-ms": String(Math.ceil(args.remote_timeout.ms)),
    "accept-encoding": "identity",
  };
}

async function request(client: HttpClient, options: Parameters<HttpClient["request"]>[0]): Promise<Reply> {
  try {
    return { response: await client.request(options) };
  } catch (error) {
    if (isTransportError(error)) return { error };
    throw error;
  }
}
