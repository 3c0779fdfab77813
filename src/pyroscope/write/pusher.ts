import { type Clock, Secret, withoutUserinfo } from "../../base/index.ts";
import { createHttpClient, type HttpClient } from "../../http/index.ts";
import type { Profile } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { WriteArguments } from "./arguments.ts";
import { classifyReply, internalFailure, isTransportError, type Reply } from "./classify-reply.ts";
import { pushUrl } from "./endpoint-url.ts";
import { writeLimits } from "./limits.ts";
import type { PushOutcome } from "./push-outcome.ts";
import { pushRequestBody } from "./push-request.ts";

export type EndpointArguments = WriteArguments["endpoint"][number];

/** How one endpoint is reached, for as long as its arguments do not change. */
export interface Pusher {
  readonly args: EndpointArguments;
  /** Its name, else its URL; without userinfo. For the metric label and everything that is shown. */
  readonly name: string;
  /** One attempt. Never rejects: what nobody foresaw is the outcome `internal`, and its first occurrence an error in the log. */
  push(profile: Profile, signal: AbortSignal): Promise<PushOutcome>;
  /** Closes idle connections; attempts in flight finish. */
  close(): void;
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
  let saidInternal = false;
  const attempt = (profile: Profile, signal: AbortSignal): Promise<Reply> =>
    request(client, {
      url,
      method: "POST",
      headers: pushHeaders(args, userAgent),
      body: pushRequestBody(profile),
      maxBytes: writeLimits.responseBytes,
      timeoutMs: args.remote_timeout.ms,
      signal,
    });
  return {
    args,
    name,
    async push(profile, signal) {
      try {
        const reply = await attempt(profile, signal);
        return classifyReply(reply, { retryRateLimited: args.retry_on_http_429, nowMs: clock.now() });
      } catch (thrown) {
        if (!saidInternal)
          log.error("Push failed in the agent itself", { endpoint: name, id: profile.id, err: thrown });
        saidInternal = true;
        return internalFailure(thrown);
      }
    },
    close: () => client.close(),
  };
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
