import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";

/** What an exchange needs of node:http's ClientRequest, so that a request over HTTP/2 can stand in for one. */
export interface OutgoingRequest {
  reusedSocket: boolean;
  readonly socket: Socket | null;
  readonly writableFinished: boolean;
  once(event: "socket", listener: (socket: Socket) => void): unknown;
  once(event: "response", listener: (message: IncomingResponse) => void): unknown;
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
