import type { Socket } from "node:net";
import { AgentError, type Clock, hostPort, systemClock } from "../../base/index.ts";
import type { HttpError } from "../client.ts";
import { askByConnect } from "./connect-method.ts";
import { dialProxy, proxyConnected } from "./connect-to-proxy.ts";
import type { Proxy } from "./proxies.ts";
import { proxyName } from "./proxy-address.ts";
import { proxyFailure } from "./proxy-failure.ts";
import { askBySocks } from "./socks-tunnel.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";

export interface TunnelOptions {
  readonly proxy: Proxy;
  /** Without brackets. The proxy resolves the name. */
  readonly host: string;
  readonly port: number;
  /** How an https proxy is reached; its `servername` is for the target and not used. */
  readonly tls: TlsOptions;
  /** Gives the attempt up. */
  readonly signal: AbortSignal;
  /** Measures how long a SOCKS proxy may take to answer at all; the system's by default. */
  readonly clock?: Clock;
}

/**
 * A connection to `host:port` through a proxy: by CONNECT, or by SOCKS 5. Nobody listens on it and it does not flow; what the proxy
 * sent behind its answer is unread in it. Rejects with an HttpError that names the proxy, reason `proxy` where the proxy itself
 * refused, and `canceled` where `signal` aborts.
 */
export async function openTunnel(options: TunnelOptions): Promise<Socket> {
  const { proxy, host, port, tls, signal, clock = systemClock } = options;
  if (signal.aborted) throw canceledError(proxy);
  let socket: Socket | undefined;
  const giveUp = (): void => void socket?.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    socket = dialProxy(proxy, tls);
    // Between two steps nobody else listens, and an error that nobody hears ends the process.
    socket.on("error", ignore);
    await proxyConnected(socket);
    if (proxy.url.protocol === "socks5:") await askBySocks(socket, { proxy, host, port, clock });
    else await askByConnect(socket, { proxy, target: hostPort(host, port) });
    signal.throwIfAborted();
    return unread(socket.off("error", ignore));
  } catch (thrown) {
    socket?.destroy();
    if (signal.aborted) throw canceledError(proxy);
    throw thrown instanceof AgentError ? thrown : proxyFailure(thrown, proxy);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function canceledError(proxy: Proxy): HttpError {
  return new AgentError("canceled", `Canceled the connection through the proxy "${proxyName(proxy)}"`);
}

/** A socket that was paused would stay so under node:http; this sets it back to where it flows as soon as somebody listens. */
function unread(socket: Socket): Socket {
  return socket.on("readable", ignore).off("readable", ignore);
}

function ignore(): void {}
