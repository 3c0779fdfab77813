import { preview } from "../base/index.ts";

/** Set by the client or the protocol itself: a configured value would be lost or would break the request. */
const framing = [
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "www-authenticate",
];

type HeaderArgument = "headers" | "http_headers" | "proxy_connect_header";

/**
 * Reserved names by argument, and prefixes of names. `http_headers`: reference 4.2, but for Authorization, on which DESIGN
 * decides. `headers` of an endpoint: what the Push protocol sets itself (reference 3.2); `Host` and `Authorization` may be set.
 */
const reserved: Readonly<Record<HeaderArgument, { names: readonly string[]; prefixes: readonly string[] }>> = {
  headers: { names: [...framing, "proxy-authorization"], prefixes: ["connect-"] },
  http_headers: {
    names: [...framing, "host", "proxy-authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"],
    prefixes: ["x-prometheus-"],
  },
  proxy_connect_header: { names: framing.filter((name) => name !== "user-agent"), prefixes: [] },
};

/** Why this header cannot be configured; `undefined` where it can. */
export function headerNameProblem(name: string, argument: HeaderArgument): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
    return `${JSON.stringify(preview(name))} cannot be the name of a header`;
  const lower = name.toLowerCase();
  const { names, prefixes } = reserved[argument];
  if (!names.includes(lower) && !prefixes.some((prefix) => lower.startsWith(prefix))) return undefined;
  return "this header is set by the agent itself and cannot be configured; remove it";
}
