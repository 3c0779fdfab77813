import type { AgentError } from "../base/index.ts";

/** One request. The body of a success is read whole, up to `maxBytes`; that of an error only as far as a message needs. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** http, https, or a unix socket: `unix:///run/app.sock`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in order, with their joint length as Content-Length; parts, so that a profile is not copied to be framed. */
  readonly body?: readonly Uint8Array[];
  /** The most bytes of a success's body; more is the error `too_large`. Does not count where there is a sink. */
  readonly maxBytes: number;
  /** Deadline of the whole request, connecting and reading included. */
  readonly timeoutMs: number;
  /** Cancels the request: the error `canceled`. */
  readonly signal: AbortSignal;
  /** Takes the body of a success as it comes, however long it goes on; the response has an empty one then. */
  readonly sink?: BodySink;
}

/** What takes a body part by part. What it throws ends the request, which rejects with it. */
export interface BodySink {
  /** The longest silence from the head of a success on, in place of the deadline. */
  readonly idleMs: number;
  /** The head of a success has come; `masked` takes out of a text what the request authenticated with. */
  begin?(masked: (text: string) => string): void;
  take(chunk: Uint8Array): void;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; repeated headers are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it came over the wire: no Content-Encoding is undone. Cut to `limits.errorBodyBytes` where the status is not 2xx. */
  readonly body: Uint8Array;
  /** A text of the server, without what the request authenticated with; the body of an error has been masked already. */
  readonly masked?: (text: string) => string;
  /** What became of the request on its way; the client tells it. */
  readonly request?: AnsweredRequest;
}

/** A request that was answered, for messages. */
export interface AnsweredRequest {
  /** Whether it carried an Authorization header, which a redirect to another host leaves behind. */
  readonly credentials: "sent" | "none" | "left behind";
  /** The proxy that was to send it on, as `host:port`: an error may be the proxy's own answer. */
  readonly forwarder?: string;
  /** Where redirects have led, without what may be secret. */
  readonly redirectedTo?: string;
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
