import http from "node:http";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { createConnectionPool } from "./connection-pool.ts";
import { type Dial, dial } from "./dial.ts";
import type { Hop } from "../hop.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";
import type { Proxy, ProxyOf } from "../proxy/proxies.ts";
import { forwardedOptions, requestOptions } from "./request-options.ts";
import { createSecureSide, type SecureSide } from "./secure-side.ts";
import type { TlsOptions, TlsSettings } from "../tls/tls-settings.ts";

export interface OpenOptions {
  /** Opens a connection for this request alone. */
  readonly fresh: boolean;
  /** Told when there is a connection and its TLS handshake begins. */
  readonly onHandshake: () => void;
  /** Aborts when the request has ended, so that a connection which is only being made is given up. */
  readonly signal: () => AbortSignal;
}

/** Opens requests: over a connection of the pool, directly, over a unix socket or through a proxy. */
export interface Connector {
  /** A promise only where files have to be looked at first, or what the server speaks. */
  open(hop: Hop, options: OpenOptions): OutgoingRequest | Promise<OutgoingRequest>;
  /** A TLS connection to the host of `url` by the same way, outside the pool. */
  connectTls(url: URL, options: { readonly over: ConnectionOptions; readonly signal: AbortSignal }): Promise<TLSSocket>;
  /** The proxy on the way to `url`, for messages. */
  proxyTo(url: URL): Proxy | undefined;
  /** Closes idle connections; requests in flight finish. */
  close(): void;
}

export interface ConnectorOptions {
  readonly tls: TlsSettings;
  readonly proxyOf: ProxyOf | undefined;
  /** Whether HTTP/2 may be spoken. */
  readonly http2: boolean;
}

export function createConnector({ tls: settings, proxyOf, http2 }: ConnectorOptions): Connector {
  const plain = createConnectionPool();
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
      if (isPlain(hop, proxy)) {
        const agent = options.fresh ? plain.freshAgent("plain") : plain.agent("plain");
        return http.request({ ...(proxy ? forwardedOptions(hop, proxy) : requestOptions(hop)), agent });
      }
      const open = (tls: TlsOptions) => secureSide(tls).open(hop, { ...options, proxy });
      const tls = settings.current();
      return tls instanceof Promise ? tls.then(open) : open(tls);
    },
    async connectTls(url, options) {
      const connection: Dial = { url, proxy: proxyOf?.(url), tls: await settings.current(), ...options };
      return (await dial(connection)) as TLSSocket;
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

/** Whether node:http can make the connection itself: in plain http to the host or a proxy, or to a unix socket. */
function isPlain({ url }: Hop, proxy: Proxy | undefined): boolean {
  return url.protocol === "http:" && (proxy === undefined || proxy.url.protocol === "http:");
}
