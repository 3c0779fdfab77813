import type { ClientHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { limits } from "../../base/index.ts";
import { failureOf } from "./dial.ts";

/** An HTTP/2 connection that takes further requests. */
export interface Http2Session {
  readonly session: ClientHttp2Session;
  readonly socket: TLSSocket;
  /** Whether a request has been sent on it before. */
  reused: boolean;
  /** Requests that have not ended. */
  streams: number;
  /** Whether it gets no further requests, and closes after its last one. */
  retired: boolean;
  /** What ended it, where that was no orderly end. */
  failure?: Error;
}

interface ConnectOptions {
  readonly protocols: readonly string[];
  /** Told when the TLS handshake begins. */
  readonly onHandshake: () => void;
}

export interface Http2SessionsOptions {
  /** Makes a TLS connection that offers these protocols by ALPN. */
  readonly connect: (url: URL, options: ConnectOptions) => Promise<TLSSocket>;
  /** Takes the connection to a server that chose HTTP/1.1, for the first request to it. */
  readonly handOver: (url: URL, socket: TLSSocket) => void;
}

/** The HTTP/2 connections of one client, one for each origin. */
export interface Http2Sessions {
  /** The connection to the origin of `url`, made where there is none; `undefined` where the server does not speak HTTP/2. */
  sessionTo(url: URL, onHandshake: () => void): Promise<Http2Session | undefined>;
  /** Uses a connection no more on which an answer failed to come; the requests on it may still end. */
  retire(session: Http2Session): void;
  /** Told that a request on it has ended. */
  release(session: Http2Session): void;
  /** Closes idle connections, and the others after their last request. */
  close(): void;
}

/**
 * Asks each origin once what it speaks and remembers it. A connection goes out of use when the server says so (GOAWAY), when it ends,
 * after `limits.idleConnectionMs` without a request, and when a request on it was given up without an answer: then it may be dead.
 */
export function createHttp2Sessions({ connect, handOver }: Http2SessionsOptions): Http2Sessions {
  const known = new Map<string, Origin>();
  let closed = false;

  async function negotiate(url: URL, onHandshake: () => void): Promise<Http2Session | undefined> {
    const socket = await connect(url, { protocols: ["h2", "http/1.1"], onHandshake });
    if (socket.alpnProtocol === "h2") return openSession(url, socket);
    handOver(url, socket);
    return undefined;
  }

  async function openSession(url: URL, socket: TLSSocket): Promise<Http2Session> {
    // Not before a server wants it: it costs a megabyte.
    const { connect: connectHttp2 } = await import("node:http2");
    const failure = failureOf(socket);
    if (failure) throw failure;
    const session = connectHttp2(url.origin, { createConnection: () => socket });
    const opened: Http2Session = { session, socket, reused: false, streams: 0, retired: closed };
    const fail = (error: Error): void => {
      opened.failure ??= error;
      retire(opened);
    };
    // A server that wants a certificate of the client says so after the handshake, and on the socket.
    socket.on("error", fail);
    session.on("error", fail);
    for (const event of ["goaway", "close"] as const) session.once(event, () => retire(opened));
    session.setTimeout(limits.idleConnectionMs, () => retire(opened));
    // After the requests that wait for it have begun: these may end.
    if (closed) setImmediate(() => release(opened));
    return opened;
  }

  function retire(retired: Http2Session): void {
    for (const [origin, { session }] of known) if (session === retired) known.delete(origin);
    retired.retired = true;
    release(retired);
  }

  function ask(url: URL): Origin {
    const handshake = Promise.withResolvers<void>();
    const asked: Origin = { handshake: handshake.promise, answer: negotiate(url, handshake.resolve) };
    known.set(url.origin, asked);
    asked.answer.then(
      (session) => (asked.session = session),
      // Asked again by the next request.
      () => known.get(url.origin) === asked && known.delete(url.origin),
    );
    return asked;
  }

  return {
    async sessionTo(url, onHandshake) {
      const { handshake, answer } = known.get(url.origin) ?? ask(url);
      void handshake.then(onHandshake);
      const session = await answer;
      // It may have ended while it was being made.
      return session?.session.closed || session?.session.destroyed ? ask(url).answer : session;
    },
    retire,
    release,
    close() {
      closed = true;
      for (const { session } of known.values()) if (session) retire(session);
    },
  };
}

/** What is known of an origin. */
interface Origin {
  /** Resolves when the TLS handshake of its first connection begins. */
  readonly handshake: Promise<void>;
  readonly answer: Promise<Http2Session | undefined>;
  /** Once it is there. */
  session?: Http2Session | undefined;
}

// Not session.close() while requests are under way: Deno cuts those off that have only begun.
function release({ session, retired, streams }: Http2Session): void {
  if (retired && streams === 0 && !session.closed && !session.destroyed) session.close();
}
