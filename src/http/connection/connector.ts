import http from "node:http";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { createConnectionPool } from "./connection-pool.ts";
import { dial } from "./dial.ts";
import type { Hop } from "../hop.ts";
import type { OpenOptions, OutgoingRequest } from "./outgoing-request.ts";
import { isForwarded } from "../proxy/is-forwarded.ts";
import type { Proxy, ProxyOf } from "../proxy/proxies.ts";
import { requestOptions } from "./request-options.ts";
import { createSecureSide, type SecureSide } from "./secure-side.ts";
import type { TlsOptions, TlsSettings } from "../tls/tls-settings.ts";
import { wayToProxy } from "./way-to-proxy.ts";

/** Opens requests: over a connection of the pool, directly, over a unix socket or through a proxy. */
export interface Connector {
  /** A promise only where files have to be looked at first, or what the server speaks. */
  open(hop: Hop, options: OpenOptions): OutgoingRequest | Promise<OutgoingRequest>;
  /** A TLS connection outside the pool: to the host of `url` by the same way, or to the https proxy on that way. */
  connectTls(url: URL, options: ConnectTlsOptions): Promise<TLSSocket>;
  /** The proxy on the way to `url`, for messages. */
  proxyTo(url: URL): Proxy | undefined;
  /** Closes idle connections; requests in flight finish. */
  close(): void;
}

export interface ConnectTlsOptions {
  readonly over: ConnectionOptions;
  readonly signal: AbortSignal;
  readonly toProxy: boolean;
}

export interface ConnectorOptions {
  readonly tls: TlsSettings;
  readonly proxyOf: ProxyOf | undefined;
  /** Whether HTTP/2 may be spoken. */
  readonly http2: boolean;
}

export function createConnector({ tls: settings, proxyOf, http2 }: ConnectorOptions): Connector {
  const plain = createConnectionPool((options) => new http.Agent(options));
  let closed = false;
  let secure: SecureSide | undefined;

  // Connections that were made with a certificate that has been replaced since are used no more.
  function secureSide(options: TlsOptions): SecureSide {
    if (secure?.options === options) return secure;
    secure?.close();
    secure = createSecureSide(options, { http2 });
    if (closed) secure.close();
    return secure;
  }

  return {
    open(hop, options) {
      const proxy = hop.socketPath === undefined ? proxyOf?.(hop.url) : undefined;
      if (isPlain(hop.url, proxy)) return http.request({ ...requestOptions(hop, proxy), agent: plain.agent(options) });
      const open = (tls: TlsOptions) => secureSide(tls).open(hop, { ...options, proxy });
      const tls = settings.current();
      return tls instanceof Promise ? tls.then(open) : open(tls);
    },
    async connectTls(url, { toProxy, ...options }) {
      const [proxy, tls] = [proxyOf?.(url), await settings.current()];
      const way = toProxy && proxy ? wayToProxy(proxy, tls) : { url, proxy, tls };
      return (await dial({ ...way, ...options })) as TLSSocket;
    },
    proxyTo(url) {
      try {
        return proxyOf?.(url);
      } catch {
        // A proxy of the environment that is none fails the request itself, and need not be named twice.
        return undefined;
      }
    },
    close() {
      closed = true;
      plain.close();
      secure?.close();
    },
  };
}

/** Whether node:http can make the connection itself: without TLS and without a tunnel. */
function isPlain(url: URL, proxy: Proxy | undefined): boolean {
  if (!proxy) return url.protocol === "http:";
  return isForwarded(url, proxy) && proxy.url.protocol === "http:";
}
