import http, { type Agent } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { limits } from "../../base/index.ts";
import { createConnectionPool } from "./connection-pool.ts";
import type { OpenOptions } from "./connector.ts";
import { type Dial, dial } from "./dial.ts";
import type { Hop } from "../hop.ts";
import { Http2Request } from "./http2-request.ts";
import { createHttp2Sessions, type Http2Sessions } from "./http2-sessions.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { forwardedOptions, requestOptions } from "./request-options.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";

/** The connections that were made with the same TLS options: those with TLS, and all through a SOCKS or https proxy. */
export interface SecureSide {
  readonly options: TlsOptions;
  open(hop: Hop, options: SecureOpenOptions): OutgoingRequest | Promise<OutgoingRequest>;
  /** Closes idle connections; requests in flight finish. */
  close(): void;
}

interface SecureOpenOptions extends OpenOptions {
  readonly proxy: Proxy | undefined;
}

export function createSecureSide(tls: TlsOptions, { http2 }: { readonly http2: boolean }): SecureSide {
  /** Connections on which HTTP/1.1 was agreed, and that have had no request yet. */
  const ready = new Map<string, Socket>();
  const pool = createConnectionPool({
    key: (options) => keyOf(dialOf(options)),
    open: (options) => takeReady(dialOf(options)) ?? dial(dialOf(options)),
  });

  function takeReady(way: Dial): Promise<Socket> | undefined {
    const socket = ready.get(keyOf(way));
    if (!socket) return undefined;
    ready.delete(keyOf(way));
    return Promise.resolve(socket);
  }

  function openHttp1(hop: Hop, { fresh, proxy, onHandshake, signal }: SecureOpenOptions): OutgoingRequest {
    const agent = fresh ? pool.freshAgent("dialed") : pool.agent("dialed");
    const common = { tls, signal: signal(), onHandshake };
    // A configured name is the target's.
    const { servername: _, ...toProxy } = tls;
    const forwards = proxy && hop.url.protocol === "http:" && proxy.url.protocol === "https:";
    return forwards
      ? dialedRequest(forwardedOptions(hop, proxy), {
          agent,
          dial: { ...common, tls: toProxy, url: proxy.url, proxy: undefined },
        })
      : dialedRequest(requestOptions(hop), { agent, dial: { ...common, url: hop.url, proxy } });
  }

  let closed = false;
  const sessionsByProxy = new Map<Proxy | undefined, Http2Sessions>();
  function sessionsThrough(proxy: Proxy | undefined): Http2Sessions {
    let sessions = sessionsByProxy.get(proxy);
    if (!sessions) {
      const wayTo = (url: URL): Dial => ({ url, proxy, tls, signal: AbortSignal.timeout(limits.connectMs) });
      sessions = createHttp2Sessions({
        connect: async (url, { protocols, onHandshake }) =>
          (await dial({ ...wayTo(url), over: { ALPNProtocols: [...protocols] }, onHandshake })) as TLSSocket,
        handOver: (url, socket) => keepReady(keyOf(wayTo(url)), socket),
      });
      if (closed) sessions.close();
      sessionsByProxy.set(proxy, sessions);
    }
    return sessions;
  }

  function keepReady(key: string, socket: Socket): void {
    ready.set(key, socket);
    socket.once("close", () => ready.get(key) === socket && ready.delete(key));
    // Where no request comes for it, its end is no news.
    socket.on("error", () => {});
  }

  return {
    options: tls,
    open(hop, options) {
      if (!http2 || hop.url.protocol !== "https:") return openHttp1(hop, options);
      const sessions = sessionsThrough(options.proxy);
      const signal = options.signal();
      return sessions.sessionTo(hop.url, options.onHandshake).then((session) => {
        // Not opened in vain: a stream that is given up at once would take its connection out of use for the others.
        signal.throwIfAborted();
        return session ? new Http2Request(hop, session, sessions) : openHttp1(hop, options);
      });
    },
    close() {
      closed = true;
      pool.close();
      for (const sessions of sessionsByProxy.values()) sessions.close();
      for (const socket of ready.values()) socket.destroy();
    },
  };
}

/** The way rides along with the request's options, which is how the agent gets it. */
function dialedRequest(options: http.RequestOptions, way: { agent: Agent; dial: Dial }): http.ClientRequest {
  return http.request({ ...options, ...way } as http.RequestOptions);
}

function dialOf(options: object): Dial {
  return (options as { dial: Dial }).dial;
}

function keyOf({ url, proxy }: Dial): string {
  return `${proxy?.url.href ?? ""} ${url.origin}`;
}
