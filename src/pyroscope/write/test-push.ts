import { Secret } from "../../base/index.ts";
import type { HttpRequest, HttpResponse } from "../../http/index.ts";
import { classifyReply } from "./classify-reply.ts";
import { readConnectError } from "./connect-error.ts";
import { pushUrl } from "./endpoint-url.ts";
import { writeLimits } from "./limits.ts";
import { type EndpointArguments, pushHeaders } from "./pusher.ts";

/** A push of nothing to an endpoint: it goes all the way of a push, and a server has nothing to store. */
export function testPush(
  endpoint: EndpointArguments,
  userAgent: string,
): Pick<HttpRequest, "method" | "url" | "headers" | "body" | "maxBytes"> {
  return {
    method: "POST",
    url: pushUrl(endpoint.url),
    headers: pushHeaders(endpoint, userAgent),
    // An empty PushRequest has no bytes.
    body: [],
    maxBytes: writeLimits.responseBytes,
  };
}

/** What the answer to a test push says: whether pushes will be taken, and what came in words. */
export function judgeTestPush(response: HttpResponse, nowMs: number): { readonly ok: boolean; readonly text: string } {
  const outcome = classifyReply({ response }, { retryRateLimited: true, nowMs });
  if (outcome.outcome === "sent") return { ok: true, text: "the Push API took an empty push" };
  // It read the request and found nothing in it: a push that holds something gets as far.
  const error = readConnectError(new TextDecoder().decode(response.body));
  if (error?.code === "invalid_argument") return { ok: true, text: "the Push API answered that the push is empty" };
  return { ok: false, text: outcome.message };
}

/** The tenant that an endpoint pushes as, where it names one. */
export function tenantOf({ headers }: EndpointArguments): string | undefined {
  const value = Object.entries(headers).find(([name]) => name.toLowerCase() === "x-scope-orgid")?.[1];
  return value instanceof Secret ? undefined : value;
}
