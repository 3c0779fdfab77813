import { isIP, type Socket } from "node:net";
import tls, { type ConnectionOptions, type TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { interruptedError } from "../http-error.ts";
import { openTunnel } from "../proxy/open-tunnel.ts";
import type { Proxy } from "../proxy/proxies.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";
import { trustSystemAuthorities } from "../tls/trust-system.ts";

/** Where a connection leads, and how it is made. */
export interface Dial {
  /** Whose host and port it leads to; with TLS where it says https. */
  readonly url: URL;
  /** Whom there is a tunnel through. */
  readonly proxy: Proxy | undefined;
  readonly tls: TlsOptions;
  /** Over those of `tls`. */
  readonly over?: ConnectionOptions;
  /** Gives the attempt up. */
  readonly signal: AbortSignal;
  /** Told when there is a connection and its TLS handshake begins. */
  readonly onHandshake?: (() => void) | undefined;
}

/** A connection that is ready for a request. */
export async function dial({ url, proxy, tls: options, over, signal, onHandshake }: Dial): Promise<Socket> {
  if (options.ca === undefined) trustSystemAuthorities();
  const socket = proxy && (await openTunnel({ ...addressOf(url), proxy, tls: options, signal }));
  if (socket && url.protocol !== "https:") return socket;
  if (socket) onHandshake?.();
  // The host with the tunnel too: without it, the certificate of an IP address is held against the proxy's address or "localhost".
  const way = { ...addressOf(url), ...(socket && { socket }) };
  const canceled = (): Error => interruptedError("canceled", { url, stage: "connecting", bodyBytes: 0 }, 0);
  const settings = { ALPNProtocols: ["http/1.1"], ...tlsTo(url, options), ...over, ...way };
  return handshake(settings, { signal, onHandshake, canceled });
}

/** Node takes an IPv6 address without its brackets. */
export function addressOf({ hostname, port, protocol }: URL): { host: string; port: number } {
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (protocol === "https:" ? 443 : 80)) };
}

/** The host's name goes into the handshake unless another one is configured. */
function tlsTo(url: URL, options: TlsOptions): TlsOptions {
  const { host } = addressOf(url);
  return options.servername !== undefined || isIP(host) ? options : { ...options, servername: host };
}

const failures = new WeakMap<object, Error>();

/** What broke a connection after its handshake, where whoever uses it may only have learned that it is closed. */
export function failureOf(socket: object | null | undefined): Error | undefined {
  return socket ? failures.get(socket) : undefined;
}

/** The connection; throws where it has ended since it was made, because a request would wait on it for its deadline. */
export function stillOpen<Connection extends Duplex>(socket: Connection): Connection {
  if (!socket.destroyed) return socket;
  throw failureOf(socket) ?? Object.assign(new Error("closed before its first request"), { code: "ECONNRESET" });
}

/**
 * In TLS 1.3 a server refuses a client's certificate only after the handshake: on Deno before a request listens to the connection,
 * and once more when none does any more, which would end the process.
 */
function noteFailure(socket: TLSSocket, error: Error): void {
  if (!failures.has(socket)) failures.set(socket, error);
  socket.destroy();
}

function handshake(
  options: ConnectionOptions,
  { signal, onHandshake, canceled }: Pick<Dial, "signal" | "onHandshake"> & { readonly canceled: () => Error },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(options);
    const settled = (): void => {
      signal.removeEventListener("abort", onAbort);
      socket.removeListener("error", onError);
      socket.removeListener("close", onClose);
    };
    const onError = (error: Error): void => {
      settled();
      // What still comes of an attempt that has failed tells nothing new.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => onError(Object.assign(new Error("closed in the handshake"), { code: "ECONNRESET" }));
    const onAbort = (): void => onError(canceled());
    socket.once("error", onError);
    socket.once("close", onClose);
    if (onHandshake && !options.socket) socket.once("connect", onHandshake);
    socket.once("secureConnect", () => {
      settled();
      socket.on("error", (error) => noteFailure(socket, error));
      resolve(socket);
    });
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
