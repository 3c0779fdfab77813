import net, { isIP, type Socket } from "node:net";
import tls from "node:tls";
import type { Proxy } from "./proxies.ts";
import { proxyAddress } from "./proxy-address.ts";
import { closedError } from "./proxy-failure.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";

/** Begins a connection to the proxy, over TLS to an https proxy. `options.servername` is the target's and not used. */
export function dialProxy(proxy: Proxy, options: TlsOptions): Socket {
  const address = proxyAddress(proxy);
  if (proxy.url.protocol !== "https:") return net.connect(address).setNoDelay(true);
  const servername = isIP(address.host) === 0 ? address.host : undefined;
  return tls.connect({ ...options, ...address, servername, ALPNProtocols: ["http/1.1"] }).setNoDelay(true);
}

/** Resolves once the connection is made, TLS included; rejects with what Node says of it. */
export function proxyConnected(socket: Socket): Promise<void> {
  const event = socket instanceof tls.TLSSocket ? "secureConnect" : "connect";
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      socket.off(event, onConnect).off("error", onError).off("close", onClose);
      settle();
    };
    const onConnect = (): void => end(resolve);
    const onError = (error: Error): void => end(() => reject(error));
    const onClose = (): void => onError(closedError());
    socket.once(event, onConnect).once("error", onError).once("close", onClose);
  });
}
