import { isIPv6 } from "node:net";
import { AgentError, compareText, preview, withoutCredentials } from "../../base/index.ts";
import { formatUnixUrl, isUnixUrl, parseUnixUrl, unixUrlProblem } from "../../http/index.ts";

/** Why a target cannot be scraped at all; the label `reason` of the metric that counts such targets. */
export type TargetReason =
  | "no_address"
  | "bad_address"
  | "bad_scheme"
  | "bad_label"
  | "label_too_long"
  | "too_many_labels";

/** A target that no URL can be made of. */
export class TargetError extends AgentError<TargetReason> {}

/** Where the URLs of a target begin. */
export interface Origin {
  /** The process, as the label `instance` has it: `host:6060`, `unix:///run/app.sock`. */
  readonly address: string;
  /** What stands before the path of a URL: `http://host:6060`, `unix:///run/app.sock:`. */
  readonly base: string;
  /** The path that a unix target's `__address__` itself has behind its colon, which comes before every other; else empty. */
  readonly path: string;
}

/** Where a target is, by its `__address__`, its own `__scheme__` (or "") and that of the component. */
export function originOf(address: string, schemes: { readonly own: string; readonly usual: string }): Origin {
  if (isUnixUrl(address)) return unixOrigin(address, schemes.own);
  const scheme = schemes.own || schemes.usual;
  const host = normalizeAddress(address, scheme);
  return { address: host, base: `${scheme}://${host}`, path: "" };
}

function unixOrigin(address: string, scheme: string): Origin {
  if (scheme !== "" && scheme !== "http")
    throw new TargetError("bad_scheme", `Cannot scrape "${preview(address)}": ${unixSchemeProblem}`);
  const problem = unixAddressProblem(address);
  const parsed = parseUnixUrl(address);
  if (problem !== undefined || !parsed)
    throw new TargetError("bad_address", `Cannot scrape "${preview(address)}": ${problem}`);
  // Written anew, so that one socket is one process however its path was escaped.
  const process = formatUnixUrl(parsed.socketPath);
  return { address: process, base: `${process}:`, path: parsed.url.pathname };
}

/** Said where a unix target has another `__scheme__` than http. */
export const unixSchemeProblem = `over a unix socket only "http" is spoken; remove "__scheme__"`;

/** Why this `unix:` URL cannot be a target's `__address__`; `undefined` where it can. */
export function unixAddressProblem(address: string): string | undefined {
  const problem = unixUrlProblem(address);
  if (problem !== undefined) return problem;
  return /[?#]/.test(address) ? `must not have a query; a parameter goes into the label "__param_NAME"` : undefined;
}

/** An `__address__` for a message. It may be a URL with a password in it: what is found is anything. */
export function shownAddress(address: string): string {
  return preview(isUnixUrl(address) ? address : withoutCredentials(address));
}

const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** `host:port` of a target's `__address__`: the scheme's default port is added, bare IPv6 is put in brackets. */
export function normalizeAddress(address: string, scheme: string): string {
  if (address === "") throw new TargetError("no_address", `Cannot scrape a target without the label "__address__"`);
  const port = defaultPorts[scheme];
  if (port === undefined)
    throw new TargetError(
      "bad_scheme",
      `Cannot scrape "${shownAddress(address)}": scheme "${preview(scheme)}" is neither "http" nor "https"`,
    );
  const host = isIPv6(address) ? `[${address}]` : address;
  const withPort = /:\d+$/.test(host.replace(/^\[.*\]/, "")) ? host : `${host}:${port}`;
  const portNumber = /^[^/?#@\\\s]*:(\d+)$/.exec(withPort)?.[1];
  if (portNumber !== undefined && (Number(portNumber) < 1 || Number(portNumber) > 65_535))
    throw new TargetError(
      "bad_address",
      `Cannot scrape "${shownAddress(address)}": a port is a number from 1 to 65535, found "${preview(portNumber)}"`,
    );
  // What is in no host's name is a function, a list or a URL that somebody wrote here.
  const url = /[/?#@\\\s(){}<>;,"'`|^%*$&=!]/.test(withPort) ? undefined : URL.parse(`${scheme}://${withPort}`);
  if (!url || url.hostname === "")
    throw new TargetError(
      "bad_address",
      `Cannot scrape "${shownAddress(address)}": "__address__" must be host:port, without scheme or path`,
    );
  return withPort;
}

/** Query parameters by name; every name keeps all its values. */
export type Query = ReadonlyMap<string, readonly string[]>;

export interface UrlParts {
  readonly origin: Origin;
  readonly pathPrefix: string;
  /** May end in a query, `/debug/pprof/heap?gc=1`: parameters of the same name in `params` replace those. */
  readonly path: string;
  readonly params: Query;
}

/** Splits a path from the query that a user wrote into it. */
export function splitPath(path: string): { path: string; query: Query } {
  const at = path.indexOf("?");
  const query = new Map<string, string[]>();
  if (at < 0) return { path, query };
  for (const [name, value] of new URLSearchParams(path.slice(at + 1)))
    query.set(name, [...(query.get(name) ?? []), value]);
  return { path: path.slice(0, at), query };
}

/**
 * The URL that is requested. Prefix and path are joined with one slash, dots are resolved and a trailing slash stays; the query
 * is sorted by name (reference 1.7).
 */
export function buildUrl({ origin, pathPrefix, ...parts }: UrlParts): string {
  const { path, query } = splitPath(parts.path);
  const url = origin.base + joinPath(`${origin.path}/${pathPrefix}`, path);
  if (query.size === 0 && parts.params.size === 0) return url;
  const search = new URLSearchParams();
  for (const [name, values] of [...new Map([...query, ...parts.params])].sort(([a], [b]) => compareText(a, b)))
    for (const value of values) search.append(name, value);
  return search.size > 0 ? `${url}?${search}` : url;
}

/**
 * What of a URL is the process that serves it, so that one behind a path prefix is told from its neighbours at the same address: all before
 * `/debug/`, where there is one, else before the last segment.
 */
export function processAt(url: string, { base }: Origin): string {
  const [path = ""] = url.slice(base.length).split("?");
  const debugAt = path.lastIndexOf("/debug/");
  return base + path.slice(0, debugAt >= 0 ? debugAt : path.lastIndexOf("/"));
}

/** A path that a URL parser would leave as it is: most are, and there is one for every target and type. */
const plainPath = /^(?:\/[\w-][\w.-]*)+\/?$/;

function joinPath(prefix: string, path: string): string {
  const joined = `/${prefix}/${path}`.replace(/\/{2,}/g, "/");
  if (plainPath.test(joined)) return joined;
  return new URL(`http://host${joined.replaceAll("?", "%3F").replaceAll("#", "%23")}`).pathname;
}
