import type { TLSSocket } from "node:tls";
import { limits } from "../../base/index.ts";
import { stillOpen } from "./dial.ts";
import { answerOf, createHttp2Origins, type Http2Origin, type WaitOptions } from "./http2-origins.ts";
import { Http2Session, type Http2SessionKeeper } from "./http2-session.ts";

interface ConnectOptions extends WaitOptions {
  readonly protocols: readonly string[];
}

export interface Http2SessionsOptions {
  /** Makes a TLS connection that offers these protocols by ALPN. */
  readonly connect: (url: URL, options: ConnectOptions) => Promise<TLSSocket>;
  /** Takes the connection to a server that chose HTTP/1.1, for the first request to it. */
  readonly handOver: (url: URL, socket: TLSSocket) => void;
  /** Origins that are remembered, and connections that are kept without a request; by default those of `limits`. */
  readonly maxOrigins?: number;
  readonly maxIdle?: number;
}

/** The HTTP/2 connections of one client, one for each origin. */
export interface Http2Sessions {
  /**
   * The connection to the origin of `url`, made where there is none; `undefined` where the server does not speak HTTP/2. All who
   * wait for it share the attempt, which is given up with the last of them.
   */
  sessionTo(url: URL, options: WaitOptions): Promise<Http2Session | undefined>;
  /** Closes idle connections, and the others after their last request. */
  close(): void;
}

/** Asks each origin once what it speaks and remembers it, one that speaks HTTP/2 as long as its connection is in use. */
export function createHttp2Sessions(options: Http2SessionsOptions): Http2Sessions {
  const { connect, handOver, maxOrigins = limits.rememberedOrigins, maxIdle = limits.idleHttp2Connections } = options;
  const origins = createHttp2Origins(maxOrigins);
  /** The longest idle comes first. */
  const idle = new Set<Http2Session>();
  let closed = false;

  const keeperOf = (origin: Http2Origin): Http2SessionKeeper => ({
    onBusy: (session) => void idle.delete(session),
    onIdle(session) {
      idle.add(session);
      const [longest] = idle;
      if (closed) session.retire();
      else if (idle.size > maxIdle) longest?.retire();
    },
    onRetired(session) {
      idle.delete(session);
      origins.forget(origin);
    },
  });

  function ask(url: URL): Http2Origin {
    const { promise: handshake, resolve: onHandshake } = Promise.withResolvers<void>();
    const attempt = new AbortController();
    async function negotiate(): Promise<Http2Session | undefined> {
      const socket = await connect(url, { protocols: ["h2", "http/1.1"], onHandshake, signal: attempt.signal });
      if (socket.alpnProtocol === "h2") return openSession(socket, { url, keeper: keeperOf(asked) });
      handOver(url, socket);
      return undefined;
    }
    const asked: Http2Origin = { name: url.origin, handshake, answer: negotiate(), attempt, waiting: 0 };
    origins.remember(asked);
    asked.answer.then(
      (session) => (asked.session = session),
      // Asked again by the next request.
      () => origins.forget(asked),
    );
    return asked;
  }

  async function wait(url: URL, waiting: WaitOptions): Promise<Http2Session | undefined> {
    waiting.signal.throwIfAborted();
    const origin = origins.find(url.origin) ?? ask(url);
    const session = await answerOf(origin, { ...waiting, onLeft: () => origins.forget(origin) });
    if (session && !session.isUsable) origins.forget(origin);
    return session;
  }

  return {
    async sessionTo(url, waiting) {
      const session = await wait(url, waiting);
      // It may have gone out of use since it was made, or while it was being made.
      return session && !session.isUsable ? wait(url, waiting) : session;
    },
    close() {
      closed = true;
      for (const { session } of origins.all()) session?.retire();
      for (const session of idle) session.retire();
    },
  };
}

async function openSession(
  socket: TLSSocket,
  { url, keeper }: { readonly url: URL; readonly keeper: Http2SessionKeeper },
): Promise<Http2Session> {
  // Not before a server wants it: it costs a megabyte.
  const { connect } = await import("node:http2");
  const open = stillOpen(socket);
  const session = connect(url.origin, {
    createConnection: () => open,
    // Of that size, each header counting 32 bytes more than it has (RFC 9113, 6.5.2).
    maxHeaderListPairs: limits.responseHeaderBytes / 32,
    settings: { enablePush: false, maxHeaderListSize: limits.responseHeaderBytes },
  });
  return new Http2Session(session, open, keeper);
}
