import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** How a request is opened. */
export interface OpenOptions {
  /** Opens a connection for this request alone. */
  readonly fresh: boolean;
  /** Told when there is a connection and its TLS handshake begins. */
  readonly onHandshake: () => void;
  /** Aborts when the request has ended, so that a connection which is only being made is given up. */
  readonly signal: () => AbortSignal;
}

/** What an exchange needs of node:http's ClientRequest, so that a request over HTTP/2 can stand in for one. */
export interface OutgoingRequest {
  reusedSocket: boolean;
  readonly socket: Socket | null;
  readonly writableFinished: boolean;
  /** Whether the server has said that it did nothing with the request, which HTTP/1.1 has no words for (RFC 9113, 8.7). */
  readonly unprocessed?: boolean;
  once(event: "socket", listener: (socket: Socket) => void): unknown;
  once(event: "response", listener: (message: IncomingResponse) => void): unknown;
  once(event: "upgrade", listener: (message: IncomingResponse, socket: Duplex) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  cork(): void;
  write(part: Uint8Array): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** The same of node:http's IncomingMessage. */
export interface IncomingResponse {
  readonly statusCode?: number | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Whether all of the body has come. */
  readonly complete: boolean;
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  once(event: "end" | "close", listener: () => void): unknown;
}
