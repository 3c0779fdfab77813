import type { AnsweredRequest } from "./client.ts";
import type { Hop } from "./hop.ts";
import { isForwarded } from "./proxy/is-forwarded.ts";
import type { Proxy } from "./proxy/proxies.ts";
import { proxyName } from "./proxy/proxy-address.ts";
import { shownUrl } from "./redirect.ts";

interface Way {
  readonly start: Hop;
  /** The last hop, which was answered. */
  readonly hop: Hop;
  /** On the way to that. */
  readonly proxy: Proxy | undefined;
}

/** What became of a request on its way to whoever answered it. */
export function answeredRequest({ start, hop, proxy }: Way): AnsweredRequest {
  const forwards = proxy && hop.socketPath === undefined && isForwarded(hop.url, proxy);
  const left = "authorization" in start.headers ? "left behind" : "none";
  return {
    credentials: "authorization" in hop.headers ? "sent" : left,
    ...(forwards && { forwarder: proxyName(proxy) }),
    ...(hop.url !== start.url && { redirectedTo: shownUrl(hop.url) }),
  };
}
