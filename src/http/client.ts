import type { AgentError } from "../base/index.ts";

/** One request. The body of a success is read whole, up to `maxBytes`; that of an error only as far as a message needs. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in order, with their joint length as Content-Length; parts, so that a profile is not copied to be framed. */
  readonly body?: readonly Uint8Array[];
  /** The most bytes of a success's body; more is the error `too_large`. */
  readonly maxBytes: number;
  /** Deadline of the whole request, connecting and reading included. */
  readonly timeoutMs: number;
  /** Cancels the request: the error `canceled`. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; repeated headers are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it came over the wire: no Content-Encoding is undone. Cut to `limits.errorBodyBytes` where the status is not 2xx. */
  readonly body: Uint8Array;
  /** A text of the server, without what the request authenticated with; the body of an error has been masked already. */
  readonly masked?: (text: string) => string;
}

/** Why there is no response; doubles as a metric's label. */
export type HttpReason =
  | "refused"
  | "dns"
  | "tls"
  | "timeout"
  | "reset"
  | "truncated"
  | "too_large"
  | "redirects"
  | "protocol"
  | "unreachable"
  | "credentials"
  | "proxy"
  | "canceled";

/** What the client rejects with. The message names the host, the cause and what to try; never a secret. */
export type HttpError = AgentError<HttpReason>;

/** The one HTTP client. The scrape loop and the pusher cannot tell what is behind it. */
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes idle connections; requests in flight finish. */
  close(): void;
}
