import { limits } from "../base/index.ts";
import { BodyCollector } from "./body-collector.ts";
import type { BodySink, HttpError, HttpResponse } from "./client.ts";
import type { Connector } from "./connection/connector.ts";
import { failureOf } from "./connection/dial.ts";
import type { Hop } from "./hop.ts";
import {
  interruptedError,
  isHangUp,
  type Progress,
  switchedProtocolsError,
  tooLargeError,
  transportError,
  truncatedError,
} from "./http-error.ts";
import type { Interruption } from "./interruption.ts";
import { maskEcho } from "./mask-echo.ts";
import { proxyName } from "./proxy/proxy-address.ts";
import type { IncomingResponse, OutgoingRequest } from "./connection/outgoing-request.ts";

export interface ExchangeOptions {
  readonly connector: Connector;
  readonly interruption: Interruption;
}

/**
 * Sends a hop and reads its response. Sent once more, over another connection, is a GET that met one which the server had closed
 * meanwhile, and whatever a server says that it did nothing with.
 */
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
  #request: OutgoingRequest | undefined;
  #message: IncomingResponse | undefined;
  #body: BodyCollector | undefined;
  /** Of the body, how much the sink has been handed. */
  #sunkBytes = 0;
  #handshaking = false;
  #opening: AbortController | undefined;
  #ended = false;

  constructor(hop: Hop, options: ExchangeOptions, outcome: Outcome) {
    this.#hop = hop;
    this.#options = options;
    this.#outcome = outcome;
  }

  start(): void {
    const { interruption } = this.#options;
    interruption.onInterrupt = () => this.#interrupt();
    if (interruption.reason) this.#interrupt();
    else this.#open({ fresh: false });
  }

  #open({ fresh }: { fresh: boolean }): void {
    const { connector } = this.#options;
    const fail = (thrown: unknown): void => this.#fail(transportError(thrown, this.#progress));
    try {
      const opened = connector.open(this.#hop, {
        fresh,
        onHandshake: () => (this.#handshaking = true),
        signal: () => this.#openingSignal(),
      });
      if (opened instanceof Promise) opened.then((request) => this.#send(request, { fresh })).catch(fail);
      else this.#send(opened, { fresh });
    } catch (thrown) {
      fail(thrown);
    }
  }

  /** Made only where a way asks for it: most requests have a connection. */
  #openingSignal(): AbortSignal {
    this.#opening ??= new AbortController();
    if (this.#ended) this.#opening.abort();
    return this.#opening.signal;
  }

  #send(request: OutgoingRequest, { fresh }: { fresh: boolean }): void {
    this.#request = request;
    let reused = false;
    let bytesBefore = 0;
    request.once("socket", (socket) => {
      reused = request.reusedSocket;
      this.#handshaking = false;
      bytesBefore = socket.bytesRead;
      // Deno would send a request on a reused connection again by itself when it is destroyed (denoland/deno#36786).
      request.reusedSocket = false;
    });
    request.once("response", (message) => this.#read(message));
    request.once("upgrade", (message, socket) => {
      socket.destroy();
      this.#read(message);
    });
    request.on("error", (thrown) => {
      // One that has been replaced has no say any more.
      if (this.#ended || request !== this.#request) return;
      const unanswered = reused && request.socket?.bytesRead === bytesBefore;
      const wasStale = this.#hop.method === "GET" && unanswered && isHangUp(thrown);
      if (!fresh && (request.unprocessed || wasStale)) this.#reopen();
      else this.#fail(transportError(failureOf(request.socket) ?? thrown, this.#progress));
    });
    if (this.#ended) request.destroy();
    else sendBody(request, this.#hop.body);
  }

  #reopen(): void {
    this.#request = undefined;
    this.#open({ fresh: true });
  }

  #read(message: IncomingResponse): void {
    this.#message = message;
    if (message.statusCode === 101) return this.#fail(switchedProtocolsError(this.#progress));
    const announcedBytes = announcedLength(message);
    const truncated = (): void => {
      if (!this.#ended) this.#fail(truncatedError(this.#progress, announcedBytes));
    };
    message.on("error", truncated);
    message.once("close", truncated);
    const sink = this.#isSuccess ? this.#hop.sink : undefined;
    if (this.#isSuccess && !sink && announcedBytes !== undefined && announcedBytes > this.#hop.maxBytes) {
      this.#fail(tooLargeError(this.#progress, this.#hop.maxBytes));
      return;
    }
    const body = new BodyCollector(this.#isSuccess ? announcedBytes : undefined);
    this.#body = body;
    if (sink) this.#sink(sink, () => sink.begin?.((text) => maskEcho(text, this.#hop)));
    message.on("data", (chunk: Uint8Array) => {
      if (sink) this.#sink(sink, () => sink.take(chunk), chunk.length);
      else this.#take(chunk, body);
    });
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
    this.#fail(tooLargeError(this.#progress, maxBytes));
  }

  /** Something came for a sink: the silence begins anew. */
  #sink(sink: BodySink, hand: () => void, bytes = 0): void {
    if (this.#ended) return;
    this.#sunkBytes += bytes;
    this.#options.interruption.extend(sink.idleMs);
    try {
      hand();
    } catch (thrown) {
      this.#fail(transportError(thrown, this.#progress));
    }
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

  #finish(message: IncomingResponse, body: BodyCollector): void {
    const { statusCode: status = 0 } = message;
    this.#end(() => this.#outcome.resolve({ status, headers: joinedHeaders(message), body: body.take() }));
    // The server answered before it had read the whole request, and nobody would notice if it never did.
    if (this.#request?.writableFinished === false) this.#request.destroy();
  }

  #end(settle: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#opening?.abort();
    this.#options.interruption.onInterrupt = undefined;
    settle();
  }

  get #isSuccess(): boolean {
    const status = this.#message?.statusCode ?? 0;
    return status >= 200 && status < 300;
  }

  get #progress(): Progress {
    const connected = this.#request?.socket && !this.#request.socket.connecting;
    const stage = connected ? "waiting" : this.#handshaking ? "handshaking" : "connecting";
    const { url, socketPath } = this.#hop;
    const proxy = socketPath === undefined ? this.#options.connector.proxyTo(url) : undefined;
    return {
      url,
      ...(socketPath !== undefined && { socketPath }),
      ...(proxy && { via: proxyName(proxy) }),
      stage: this.#message ? "reading" : stage,
      bodyBytes: this.#sunkBytes + (this.#body?.bytes ?? 0),
      ...(this.#hop.sink && { isStream: this.#isSuccess }),
    };
  }
}

function sendBody(request: OutgoingRequest, body: readonly Uint8Array[] = []): void {
  // Corked, so that head and parts leave in as few packets as possible.
  if (body.length > 0) request.cork();
  for (const part of body) request.write(part);
  request.end();
}

function announcedLength(message: IncomingResponse): number | undefined {
  const header = message.headers["content-length"];
  return header === undefined ? undefined : Number(header);
}

function joinedHeaders({ headers }: IncomingResponse): Readonly<Record<string, string>> {
  const cookies = headers["set-cookie"];
  // Every other repeated header is joined by Node.
  return { ...(headers as Record<string, string>), ...(cookies && { "set-cookie": cookies.join(", ") }) };
}
