import type { HttpError, HttpResponse } from "../client.ts";
import { connectRefusal } from "./connect-refusal.ts";
import type { Hop } from "../hop.ts";
import { hostOf } from "../http-error.ts";
import { isForwarded } from "./is-forwarded.ts";
import type { Proxy } from "./proxies.ts";

/**
 * The error for a response in which a proxy that was to send the request on asks for credentials itself (RFC 9110, 15.5.8);
 * `undefined` where it is no such response.
 */
export function forwardingRefusal(hop: Hop, response: HttpResponse, proxy: Proxy | undefined): HttpError | undefined {
  if (response.status !== 407 || hop.socketPath !== undefined) return undefined;
  if (!proxy || !isForwarded(hop.url, proxy)) return undefined;
  const headers = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}`);
  const answer = {
    head: ["HTTP/1.1 407 Proxy Authentication Required", ...headers].join("\r\n"),
    body: new TextDecoder().decode(response.body),
  };
  return connectRefusal(answer, { proxy, target: hostOf(hop.url), sentCredentials: proxy.username !== undefined });
}
