import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import type { TLSSocket } from "node:tls";
import { limits } from "../../base/index.ts";

/** What a session tells whoever keeps it. */
export interface Http2SessionKeeper {
  /** It has requests under way. */
  onBusy(session: Http2Session): void;
  /** It has none, and takes further ones. */
  onIdle(session: Http2Session): void;
  /** It takes no further ones. */
  onRetired(session: Http2Session): void;
}

/**
 * An HTTP/2 connection. It goes out of use when the server says so (GOAWAY), when it ends, after `limits.idleConnectionMs` without a
 * request, and when whoever made a request retires it; then it closes after its last request. While idle it keeps no process alive.
 */
export class Http2Session {
  readonly socket: TLSSocket;
  /** Whether a request has been sent on it before. */
  reused = false;
  /** What ended it, where that was no orderly end. */
  failure: Error | undefined;
  readonly #session: ClientHttp2Session;
  readonly #keeper: Http2SessionKeeper;
  #streams = 0;
  #retired = false;

  constructor(session: ClientHttp2Session, socket: TLSSocket, keeper: Http2SessionKeeper) {
    this.#session = session;
    this.socket = socket;
    this.#keeper = keeper;
    const fail = (error: Error): void => {
      this.failure ??= error;
      this.retire();
    };
    // A server that wants a certificate of the client says so after the handshake, and on the socket.
    socket.on("error", fail);
    session.on("error", fail);
    for (const event of ["goaway", "close"] as const) session.once(event, () => this.retire());
    session.setTimeout(limits.idleConnectionMs, () => this.retire());
    // Not before the requests that wait for it have begun.
    setImmediate(() => this.#release());
  }

  /** Whether it takes further requests. */
  get isUsable(): boolean {
    return !this.#retired && !this.#isOver;
  }

  get #isOver(): boolean {
    return this.#session.closed || this.#session.destroyed;
  }

  request(headers: OutgoingHttpHeaders, options: { readonly endStream: boolean }): ClientHttp2Stream {
    const stream = this.#session.request(headers, options);
    if (this.#streams === 0) {
      this.#session.ref();
      this.#keeper.onBusy(this);
    }
    this.#streams++;
    stream.once("close", () => {
      this.#streams--;
      this.#release();
    });
    return stream;
  }

  /** Sends no further requests on it; those under way may still end. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#keeper.onRetired(this);
    this.#release();
  }

  #release(): void {
    if (this.#streams > 0 || this.#isOver) return;
    // Not while requests are under way: Deno cuts those off that have only begun.
    if (this.#retired) this.#session.close();
    else {
      this.#session.unref();
      this.#keeper.onIdle(this);
    }
  }
}
