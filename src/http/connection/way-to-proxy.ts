import type { Proxy } from "../proxy/proxies.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";
import type { Dial } from "./dial.ts";

/** The way to an https proxy itself. */
export function wayToProxy(proxy: Proxy, tls: TlsOptions): Pick<Dial, "url" | "proxy" | "tls"> {
  // A configured name is the target's.
  const { servername: _, ...toProxy } = tls;
  return { url: proxy.url, proxy: undefined, tls: toProxy };
}
