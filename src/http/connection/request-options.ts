import type { RequestOptions } from "node:http";
import { limits } from "../../base/index.ts";
import { addressOf } from "./dial.ts";
import type { Hop } from "../hop.ts";
import { isForwarded } from "../proxy/is-forwarded.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { proxyAddress, proxyAuthorization } from "../proxy/proxy-address.ts";

/** The hop as node:http takes it, for the host or for a proxy that sends it on. */
export function requestOptions(hop: Hop, proxy: Proxy | undefined): RequestOptions {
  return proxy && isForwarded(hop.url, proxy) ? forwardedOptions(hop, proxy) : directOptions(hop);
}

function directOptions({ method, url, headers, body, socketPath }: Hop): RequestOptions {
  return {
    method,
    ...(socketPath === undefined ? addressOf(url) : { socketPath }),
    path: url.pathname + url.search,
    headers: { host: socketPath === undefined ? url.host : "localhost", ...headers, ...lengthHeader(body) },
    maxHeaderSize: limits.responseHeaderBytes,
  };
}

/** The whole URL in place of the path (RFC 9112, 3.2.2). */
function forwardedOptions(hop: Hop, proxy: Proxy): RequestOptions {
  const { url, headers } = hop;
  return {
    ...directOptions({ ...hop, headers: { ...proxyAuthorization(proxy), ...headers } }),
    ...proxyAddress(proxy),
    path: `http://${url.host}${url.pathname}${url.search}`,
  };
}

function lengthHeader(body: Hop["body"]): { "content-length"?: number } {
  if (!body) return {};
  let bytes = 0;
  for (const part of body) bytes += part.length;
  return { "content-length": bytes };
}
