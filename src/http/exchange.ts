import http, { type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import { limits } from "../base/index.ts";
import { BodyCollector } from "./body-collector.ts";
import type { HttpError, HttpRequest, HttpResponse } from "./client.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import {
  interruptedError,
  isHangUp,
  type Progress,
  tooLargeError,
  transportError,
  truncatedError,
} from "./http-error.ts";
import type { Interruption } from "./interruption.ts";

/** One request to one URL: an HttpRequest is one, and one more for every redirect. */
export interface Hop {
  readonly method: HttpRequest["method"];
  /** Userinfo in it is not sent. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[] | undefined;
  readonly maxBytes: number;
}

export interface ExchangeOptions {
  readonly pool: ConnectionPool;
  readonly interruption: Interruption;
}

/** Sends a hop and reads its response. A GET that meets a connection which the server has closed meanwhile is sent once more. */
export function exchange(hop: Hop, options: ExchangeOptions): Promise<HttpResponse> {
  return new Promise((resolve, reject) => new Exchange(hop, options, { resolve, reject }).start());
}

interface Outcome {
  resolve(response: HttpResponse): void;
  reject(error: HttpError): void;
}

/** The life of one exchange. Much may end it, in any order and more than once; only the first end counts. */
class Exchange {
  readonly #hop: Hop;
  readonly #options: ExchangeOptions;
  readonly #outcome: Outcome;
  #request: ClientRequest | undefined;
  #message: IncomingMessage | undefined;
  #body: BodyCollector | undefined;
  #ended = false;

  constructor(hop: Hop, options: ExchangeOptions, outcome: Outcome) {
    this.#hop = hop;
    this.#options = options;
    this.#outcome = outcome;
  }

  start(): void {
    const { interruption, pool } = this.#options;
    interruption.onInterrupt = () => this.#interrupt();
    if (interruption.reason) this.#interrupt();
    else this.#send(pool.agent(this.#hop.url.protocol), { mayRetry: this.#hop.method === "GET" });
  }

  #send(agent: Agent, { mayRetry }: { mayRetry: boolean }): void {
    let request: ClientRequest;
    try {
      request = openRequest(this.#hop, agent);
    } catch (thrown) {
      this.#fail(transportError(thrown, this.#progress));
      return;
    }
    this.#request = request;
    let reused = false;
    let bytesBefore = 0;
    request.once("socket", (socket) => {
      reused = request.reusedSocket;
      bytesBefore = socket.bytesRead;
      // Deno would send a request on a reused connection again by itself when it is destroyed (denoland/deno#36786).
      request.reusedSocket = false;
    });
    request.once("response", (message) => this.#read(message));
    request.on("error", (thrown) => {
      const unanswered = reused && request.socket?.bytesRead === bytesBefore;
      if (mayRetry && unanswered && isHangUp(thrown) && !this.#ended)
        this.#send(this.#options.pool.freshAgent(this.#hop.url.protocol), { mayRetry: false });
      else this.#fail(transportError(thrown, this.#progress));
    });
    sendBody(request, this.#hop.body);
  }

  #read(message: IncomingMessage): void {
    this.#message = message;
    const announcedBytes = announcedLength(message);
    const truncated = (): void => {
      if (!this.#ended) this.#fail(truncatedError(this.#progress, announcedBytes));
    };
    message.on("error", truncated);
    message.once("close", truncated);
    if (this.#isSuccess && announcedBytes !== undefined && announcedBytes > this.#hop.maxBytes) {
      this.#fail(tooLargeError(this.#hop.url, this.#hop.maxBytes));
      return;
    }
    const body = new BodyCollector(this.#isSuccess ? announcedBytes : undefined);
    this.#body = body;
    message.on("data", (chunk: Uint8Array) => this.#take(chunk, body));
    message.once("end", () => (message.complete ? this.#finish(message, body) : truncated()));
  }

  #take(chunk: Uint8Array, body: BodyCollector): void {
    if (this.#ended) return;
    const maxBytes = this.#isSuccess ? this.#hop.maxBytes : limits.errorBodyBytes;
    if (body.bytes + chunk.length <= maxBytes) {
      body.add(chunk);
      return;
    }
    if (!this.#isSuccess) body.add(chunk.subarray(0, maxBytes - body.bytes));
    this.#fail(tooLargeError(this.#hop.url, maxBytes));
  }

  #interrupt(): void {
    const { reason = "canceled", timeoutMs } = this.#options.interruption;
    this.#fail(interruptedError(reason, this.#progress, timeoutMs));
  }

  #fail(error: HttpError): void {
    if (this.#ended) return;
    // An error's status and the start of its body say more than why the rest did not come.
    if (this.#message && this.#body && !this.#isSuccess && error.reason !== "canceled")
      this.#finish(this.#message, this.#body);
    else this.#end(() => this.#outcome.reject(error));
    this.#request?.destroy();
  }

  #finish(message: IncomingMessage, body: BodyCollector): void {
    const { statusCode: status = 0 } = message;
    this.#end(() => this.#outcome.resolve({ status, headers: joinedHeaders(message), body: body.take() }));
    // The server answered before it had read the whole request, and nobody would notice if it never did.
    if (this.#request?.writableFinished === false) this.#request.destroy();
  }

  #end(settle: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.interruption.onInterrupt = undefined;
    settle();
  }

  get #isSuccess(): boolean {
    const status = this.#message?.statusCode ?? 0;
    return status >= 200 && status < 300;
  }

  get #progress(): Progress {
    const connected = this.#request?.socket && !this.#request.socket.connecting;
    const waiting = connected ? "waiting" : "connecting";
    return {
      url: this.#hop.url,
      stage: this.#message ? "reading" : waiting,
      bodyBytes: this.#body?.bytes ?? 0,
    };
  }
}

function openRequest({ method, url, headers, body }: Hop, agent: Agent): ClientRequest {
  const open = url.protocol === "https:" ? https.request : http.request;
  return open({
    agent,
    method,
    // Node takes an IPv6 address without its brackets.
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port || undefined,
    path: url.pathname + url.search,
    headers: body ? { ...headers, "Content-Length": lengthOf(body) } : { ...headers },
    maxHeaderSize: limits.responseHeaderBytes,
  });
}

function sendBody(request: ClientRequest, body: readonly Uint8Array[] = []): void {
  // Corked, so that head and parts leave in as few packets as possible.
  if (body.length > 0) request.cork();
  for (const part of body) request.write(part);
  request.end();
}

function lengthOf(body: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of body) bytes += part.length;
  return bytes;
}

function announcedLength(message: IncomingMessage): number | undefined {
  const header = message.headers["content-length"];
  return header === undefined ? undefined : Number(header);
}

function joinedHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const cookies = headers["set-cookie"];
  // Every other repeated header is joined by Node.
  return { ...(headers as Record<string, string>), ...(cookies && { "set-cookie": cookies.join(", ") }) };
}
