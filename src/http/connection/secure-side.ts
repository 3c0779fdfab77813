import http, { type Agent } from "node:http";
import type { TLSSocket } from "node:tls";
import { limits } from "../../base/index.ts";
import { createConnectionPool } from "./connection-pool.ts";
import { type Dial, dial } from "./dial.ts";
import { dialWithin } from "./dial-within.ts";
import { DialingAgent } from "./dialing-agent.ts";
import type { Hop } from "../hop.ts";
import { Http2Request } from "./http2-request.ts";
import { createHttp2Sessions, type Http2Sessions } from "./http2-sessions.ts";
import type { OpenOptions, OutgoingRequest } from "./outgoing-request.ts";
import { isForwarded } from "../proxy/is-forwarded.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { createReadySockets } from "./ready-sockets.ts";
import { requestOptions } from "./request-options.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";
import { wayToProxy } from "./way-to-proxy.ts";

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
  const ready = createReadySockets();
  const dialer = {
    key: (options: object) => keyOf(dialOf(options)),
    async open(options: object) {
      const way = dialOf(options);
      return ready.take(keyOf(way)) ?? dial(way);
    },
  };
  const pool = createConnectionPool((options) => new DialingAgent(options, dialer));

  function openHttp1(hop: Hop, { fresh, proxy, onHandshake, signal }: SecureOpenOptions): OutgoingRequest {
    const way = proxy && isForwarded(hop.url, proxy) ? wayToProxy(proxy, tls) : { url: hop.url, proxy, tls };
    return dialedRequest(requestOptions(hop, proxy), {
      agent: pool.agent({ fresh }),
      dial: { ...way, signal: signal(), onHandshake },
    });
  }

  let closed = false;
  const sessionsByProxy = new Map<Proxy | undefined, Http2Sessions>();
  function sessionsThrough(proxy: Proxy | undefined): Http2Sessions {
    let sessions = sessionsByProxy.get(proxy);
    if (!sessions) {
      sessions = createHttp2Sessions({
        connect: async (url, { protocols, ...options }) => {
          const way: Dial = { url, proxy, tls, over: { ALPNProtocols: [...protocols] }, ...options };
          return (await dialWithin(way, limits.connectMs)) as TLSSocket;
        },
        handOver: (url, socket) => ready.keep(keyOf({ url, proxy }), socket),
      });
      if (closed) sessions.close();
      sessionsByProxy.set(proxy, sessions);
    }
    return sessions;
  }

  return {
    options: tls,
    open(hop, options) {
      if (!http2 || hop.url.protocol !== "https:") return openHttp1(hop, options);
      const signal = options.signal();
      const { onHandshake, proxy } = options;
      return sessionsThrough(proxy)
        .sessionTo(hop.url, { onHandshake, signal })
        .then((session) => {
          // Not opened in vain: a stream that is given up at once would take its connection out of use for the others.
          signal.throwIfAborted();
          return session ? new Http2Request(hop, session) : openHttp1(hop, options);
        });
    },
    close() {
      closed = true;
      pool.close();
      for (const sessions of sessionsByProxy.values()) sessions.close();
      ready.close();
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

function keyOf({ url, proxy }: Pick<Dial, "url" | "proxy">): string {
  return `${proxy?.url.href ?? ""} ${url.origin}`;
}
