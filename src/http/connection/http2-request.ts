import { EventEmitter } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import type { ClientHttp2Stream, IncomingHttpHeaders as Http2Headers, OutgoingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import { limits } from "../../base/index.ts";
import type { Hop } from "../hop.ts";
import type { Http2Session } from "./http2-session.ts";
import type { IncomingResponse, OutgoingRequest } from "./outgoing-request.ts";

/** A request as one stream of an HTTP/2 connection. */
export class Http2Request extends EventEmitter implements OutgoingRequest {
  reusedSocket: boolean;
  readonly socket: Socket;
  readonly #stream: ClientHttp2Stream;
  readonly #session: Http2Session;
  #answered = false;
  #ended = false;

  constructor(hop: Hop, session: Http2Session) {
    super();
    this.socket = session.socket;
    this.reusedSocket = session.reused;
    session.reused = true;
    this.#session = session;
    this.#stream = session.request(requestHeaders(hop), { endStream: hop.body === undefined });
    this.#stream.once("response", (headers) => this.#respond(headers));
    this.#stream.on("error", (error) => this.#fail(error));
    this.#stream.once("close", () => this.#fail());
    // Whoever asked for the request listens by then.
    setImmediate(() => this.emit("socket", this.socket));
  }

  get writableFinished(): boolean {
    return this.#stream.writableFinished;
  }

  /** Refused as such, or begun too late for a server that goes away; both runtimes say so with the same code. */
  get unprocessed(): boolean {
    return this.#stream.rstCode === refusedStream;
  }

  cork(): void {
    this.#stream.cork();
  }

  write(part: Uint8Array): void {
    this.#stream.write(part);
  }

  end(): void {
    this.#stream.uncork();
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  destroy(): void {
    this.#ended = true;
    // No answer may mean a slow server, or a connection that leads nowhere any more: the next request takes another.
    if (!this.#answered) this.#session.retire();
    if (!this.#stream.closed) this.#stream.close(cancel);
  }

  #respond(headers: Http2Headers): void {
    if (this.#ended) return;
    // Deno holds the limit of the settings only once the server has acknowledged them.
    if (sizeOf(headers) > limits.responseHeaderBytes) return this.#fail(headersTooLarge());
    this.#answered = true;
    const stream = this.#stream;
    const message = Object.defineProperties(stream, {
      statusCode: { value: Number(headers[":status"]) },
      headers: { value: plainHeaders(headers) },
      complete: { get: () => stream.readableEnded && stream.rstCode === 0 },
    }) as unknown as IncomingResponse;
    this.emit("response", message);
  }

  #fail(cause?: Error): void {
    if (this.#ended || this.#answered) return;
    this.#ended = true;
    this.#session.retire();
    this.emit("error", this.#session.failure ?? reasonOf(cause) ?? hangUp(cause));
  }
}

/** The error, where it tells of the connection and not only that a stream of it has ended. */
function reasonOf(error: (Error & { code?: string }) | undefined): Error | undefined {
  return error?.code === undefined || error.code.startsWith("ERR_HTTP2_") ? undefined : error;
}

function hangUp(cause: Error | undefined): Error {
  return Object.assign(new Error("the HTTP/2 stream ended", { cause }), { code: "ECONNRESET" });
}

/** The error's code is node:http's. */
function headersTooLarge(): Error {
  return Object.assign(new Error("the response headers are too large"), { code: "HPE_HEADER_OVERFLOW" });
}

function sizeOf(headers: Http2Headers): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers))
    for (const one of [value].flat()) bytes += name.length + String(one).length;
  return bytes;
}

/** Error codes (RFC 9113, 7), known without node:http2. */
const refusedStream = 0x7;
const cancel = 0x8;

/** What a connection says of itself in HTTP/1.1 and not in HTTP/2 (RFC 9113, 8.2.2). */
const connectionHeaders: ReadonlySet<string> = new Set(["connection", "host", "keep-alive", "te", "upgrade"]);

function requestHeaders({ method, url, headers, body }: Hop): OutgoingHttpHeaders {
  const sent: OutgoingHttpHeaders = {
    ":method": method,
    ":scheme": "https",
    ":authority": String(headers.host ?? url.host),
    ":path": url.pathname + url.search,
  };
  for (const [name, value] of Object.entries(headers))
    if (!connectionHeaders.has(name)) sent[name] = value as string | string[];
  if (body) sent["content-length"] = body.reduce((bytes, part) => bytes + part.length, 0);
  return sent;
}

function plainHeaders(headers: Http2Headers): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(":")));
}
