import { AgentError, limits, preview } from "../base/index.ts";
import type { HttpError, HttpResponse } from "./client.ts";
import type { Hop } from "./hop.ts";
import { nameOf } from "./http-error.ts";

// Headers that describe the message and name nobody. All others may have been configured for the first host alone.
const harmlessHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "connect-protocol-version",
  "connect-timeout-ms",
  "content-encoding",
  "content-type",
  "user-agent",
]);

/**
 * The hop that a response redirects to; `undefined` where it is no redirect (RFC 9110, 15.4). Throws the error `redirects` for
 * one that cannot be followed. Anything but a GET is only sent on where the status promises that it stays what it is (307, 308): turned
 * into a GET, a POST would come back as a success that stored nothing.
 */
export function redirectedHop(hop: Hop, { status, headers }: HttpResponse): Hop | undefined {
  const { location } = headers;
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const url = URL.parse(location, hop.url);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw redirectError(hop, `to "${preview(withoutSecrets(location))}", which is no http or https URL`);
  if (hop.method !== "GET" && status !== 307 && status !== 308)
    throw redirectError(hop, `with status ${status} to "${shownUrl(url)}", where a ${hop.method} would become a GET`);
  return isSameHost(hop, url)
    ? { ...hop, url }
    : { ...hop, url, socketPath: undefined, headers: harmless(hop.headers) };
}

/** Watches the hops of one request; `enter` throws the error `redirects` where they come round again or are too many. */
export class RedirectTrail {
  readonly #seen = new Set<string>();
  readonly #start: Hop;

  constructor(start: Hop) {
    this.#start = start;
    this.#seen.add(start.url.href);
  }

  enter(url: URL): void {
    if (this.#seen.has(url.href)) throw redirectError(this.#start, `in a loop, back to "${shownUrl(url)}"`);
    if (this.#seen.size > limits.redirects)
      throw redirectError(this.#start, `more than ${limits.redirects} times, at last to "${shownUrl(url)}"`);
    this.#seen.add(url.href);
  }
}

/** The same host name and port, or both on their scheme's own port; never from https down to http. */
function isSameHost({ url: from, socketPath }: Hop, to: URL): boolean {
  // What is asked for at a unix socket is plain http: a redirect to https is meant for the network.
  if (socketPath !== undefined && to.protocol === "https:") return false;
  const isDowngrade = from.protocol === "https:" && to.protocol === "http:";
  // URL.port is empty where it is the scheme's own: moving from http to https on one host keeps the headers.
  return from.hostname === to.hostname && from.port === to.port && !isDowngrade;
}

function harmless(headers: Hop["headers"]): Hop["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmlessHeaders.has(name.toLowerCase())));
}

function redirectError(from: Hop, what: string): HttpError {
  const advice = "configure the final URL, or set follow_redirects = false to see the response";
  return new AgentError("redirects", `Cannot follow "${nameOf(from)}": it redirects ${what}; ${advice}`);
}

/** The error of a request that redirects have led elsewhere: it names both ends. */
export function redirectedError(thrown: unknown, { start, hop }: { readonly start: Hop; readonly hop: Hop }): unknown {
  if (hop === start || !(thrown instanceof AgentError) || thrown.reason === "canceled") return thrown;
  const message = `"${nameOf(start)}" redirects to "${shownUrl(hop.url)}": ${thrown.message}`;
  return new AgentError(thrown.reason, message, { cause: thrown });
}

/** Where a redirect leads, without the parts that may hold secrets. */
export function shownUrl(url: URL): string {
  return preview(url.origin + url.pathname, 128);
}

function withoutSecrets(location: string): string {
  return location.replace(/\/\/[^/]*@/, "//").replace(/[?#].*$/s, "");
}
