import type { Proxy } from "./proxies.ts";

/** Whether the proxy is sent the request itself (RFC 9112, 3.2.2), so that there is no tunnel through it. */
export function isForwarded(url: URL, proxy: Proxy): boolean {
  return url.protocol === "http:" && proxy.url.protocol !== "socks5:";
}
