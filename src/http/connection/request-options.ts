import type { RequestOptions } from "node:http";
import { limits } from "../../base/index.ts";
import { addressOf } from "./dial.ts";
import type { Hop } from "../hop.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { proxyAddress, proxyAuthorization } from "../proxy/proxy-address.ts";

/** The hop as node:http takes it. */
export function requestOptions({ method, url, headers, body, socketPath }: Hop): RequestOptions {
  return {
    method,
    ...(socketPath === undefined ? addressOf(url) : { socketPath }),
    path: url.pathname + url.search,
    headers: { host: socketPath === undefined ? url.host : "localhost", ...headers, ...lengthHeader(body) },
    maxHeaderSize: limits.responseHeaderBytes,
  };
}

/** The hop as a proxy takes it that sends it on: the whole URL in place of the path (RFC 9112, 3.2.2). */
export function forwardedOptions(hop: Hop, proxy: Proxy): RequestOptions {
  const { url, headers } = hop;
  return {
    ...requestOptions({ ...hop, headers: { ...proxyAuthorization(proxy), ...headers } }),
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
