/**
 * The handler behind push-server.ts: decodes requests, applies the rules or the script, records what came of it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import type { Profile } from "../../src/gen/google/v1/profile_pb.ts";
import { type PushRequest, PushRequestSchema } from "../../src/gen/push/v1/push_pb.ts";
import {
  checkSample,
  type ConnectCode,
  connectStatus,
  defaultRules,
  Refusal,
  type ServerRules,
  valueTotals,
} from "./push-rules.ts";

/** One profile as it arrived. */
export interface ReceivedProfile {
  /** As sent, in the order sent. */
  readonly labels: Readonly<Record<string, string>>;
  /** `RawSample.ID`. */
  readonly id: string;
  /** `raw_profile`, as sent. */
  readonly bytes: Uint8Array;
  readonly profile: Profile;
  /** Sum of each column: `{ "alloc_space/bytes": 4096n }`. */
  readonly totals: Readonly<Record<string, bigint>>;
  /** Samples that the server would drop without a word because they hold a negative value. */
  readonly negativeSamples: number;
  /** Of the request: lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedMs: number;
}

/** What was not stored: refused by the rules or by a scripted reply. */
export interface Rejection {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Where the request could be read. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly id?: string;
}

/** One request, for a script to look at. */
export interface PushedRequest {
  /** 1 for the first. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The client's: one connection, one port. */
  readonly clientPort: number | undefined;
  readonly receivedMs: number;
}

export interface ScriptedReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A number is a status with a proxy's HTML page; `stall` and `reset` never answer. */
export type Reply = number | ScriptedReply | "stall" | "reset";
export type Script = Reply | ((request: PushedRequest) => Reply | undefined | Promise<Reply | undefined>);

export interface PushServerOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Listens on this unix socket, in the place of host and port. */
  readonly socketPath?: string;
  /** Speaks TLS, with this certificate and key in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Changes of the default limits: `{ maxAgeMs: Infinity }` takes recordings of any age. */
  readonly rules?: Partial<ServerRules>;
  /** Refuses requests without `X-Scope-OrgID` with 401. */
  readonly multitenancy?: boolean;
  /** `false` for benches: only counts, so that memory does not grow. Default: true. */
  readonly keep?: boolean;
  readonly onAccepted?: (profile: ReceivedProfile) => void;
  readonly onRejected?: (rejection: Rejection) => void;
}

/** A Connect error reply; the status is the code's own unless given. */
export function connectError(
  code: ConnectCode,
  message: string,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): ScriptedReply {
  return {
    status: options.status ?? connectStatus[code],
    headers: { "content-type": "application/json", ...options.headers },
    body: JSON.stringify({ code, message }),
  };
}

/** The reply of a proxy that knows nothing of Connect. */
export function htmlPage(status: number, headers: Readonly<Record<string, string>> = {}): ScriptedReply {
  return {
    status,
    headers: { "content-type": "text/html", ...headers },
    body: `<html>\r\n<head><title>${status}</title></head>\r\n<body><center><h1>${status} by a proxy</h1></center></body>\r\n</html>\r\n`,
  };
}

const pushPath = "/push.v1.PusherService/Push";

/** Everything but the listening. */
export class PushRecorder {
  readonly accepted: ReceivedProfile[] = [];
  readonly rejected: Rejection[] = [];
  readonly requests: PushedRequest[] = [];
  readonly counts = { requests: 0, accepted: 0, rejected: 0 };
  readonly open = { now: 0, most: 0 };
  readonly #options: PushServerOptions;
  readonly #rules: ServerRules;
  readonly #waiters = new Set<() => void>();
  #script: Script | undefined;

  constructor(options: PushServerOptions) {
    this.#options = options;
    this.#rules = { ...defaultRules, ...options.rules };
  }

  replyWith(script: Script | undefined): void {
    this.#script = script;
  }

  clear(): void {
    for (const list of [this.accepted, this.rejected, this.requests]) list.length = 0;
    Object.assign(this.counts, { requests: 0, accepted: 0, rejected: 0 });
    this.open.most = this.open.now;
  }

  waitFor(predicate: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(deadline);
        this.#waiters.delete(look);
      };
      const look = (): void => {
        if (!predicate()) return;
        settle();
        resolve();
      };
      const deadline = setTimeout(() => {
        settle();
        const seen = `${JSON.stringify(this.counts)}, last rejected: ${JSON.stringify(this.rejected.at(-1))}`;
        reject(new Error(`Waited ${timeoutMs} ms in vain for ${predicate.toString()}; the push server saw ${seen}`));
      }, timeoutMs);
      this.#waiters.add(look);
      look();
    });
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await this.#read(incoming);
    this.open.now += 1;
    this.open.most = Math.max(this.open.most, this.open.now);
    response.once("close", () => {
      this.open.now -= 1;
      this.#wake();
    });
    this.#wake();
    const reply = typeof this.#script === "function" ? await this.#script(request) : this.#script;
    this.#answer(request, response, reply);
    this.#wake();
  }

  async #read(incoming: IncomingMessage): Promise<PushedRequest> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    this.counts.requests += 1;
    const request: PushedRequest = {
      number: this.counts.requests,
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
      body: Buffer.concat(parts),
      clientPort: incoming.socket.remotePort,
      receivedMs: Date.now(),
    };
    if (this.#options.keep !== false) this.requests.push(request);
    return request;
  }

  #answer(request: PushedRequest, response: ServerResponse, reply: Reply | undefined): void {
    if (reply === "stall") return;
    if (reply === "reset") response.socket?.resetAndDestroy();
    else if (typeof reply === "number") this.#send(response, htmlPage(reply), request);
    else if (typeof reply === "object") this.#send(response, reply, request);
    else this.#send(response, this.#store(request), request);
  }

  /** The reply of the rules; records what it stores. */
  #store(request: PushedRequest): ScriptedReply {
    try {
      const message = this.#decode(request);
      const failures: unknown[] = [];
      for (const series of message.series)
        for (const sample of series.samples) {
          try {
            this.#accept(receive(request, { series, sample, rules: this.#rules }));
          } catch (failure) {
            failures.push(failure);
          }
        }
      if (failures.length > 0) throw failures[0];
      return { status: 200, headers: { "content-type": "application/proto" }, body: new Uint8Array() };
    } catch (error) {
      if (error instanceof Refusal) return connectError(error.code, error.message);
      if (error instanceof HttpRefusal) return { status: error.status, body: error.message };
      return connectError("internal", String(error));
    }
  }

  #decode(request: PushedRequest): PushRequest {
    if (!request.path.endsWith(pushPath)) throw new HttpRefusal(404, `no such path: ${request.path}`);
    if (request.method !== "POST") throw new HttpRefusal(405, "only POST");
    if (request.headers["content-type"] !== "application/proto") throw new HttpRefusal(415, "only application/proto");
    if (request.headers["connect-protocol-version"] !== "1")
      throw new Refusal("invalid_argument", 'missing required header: set Connect-Protocol-Version to "1"');
    if (this.#options.multitenancy && !request.headers["x-scope-orgid"])
      throw new Refusal("unauthenticated", "no org id");
    const message = decodeMessage(request);
    if (message.series.every(({ samples }) => samples.length === 0))
      throw new Refusal("invalid_argument", "no profiles received");
    return message;
  }

  #accept(profile: ReceivedProfile): void {
    this.counts.accepted += 1;
    if (this.#options.keep !== false) this.accepted.push(profile);
    this.#options.onAccepted?.(profile);
  }

  #send(response: ServerResponse, reply: ScriptedReply, request: PushedRequest): void {
    if (reply.status !== 200) this.#reject(reply, request);
    response.writeHead(reply.status, { ...reply.headers }).end(reply.body);
  }

  #reject(reply: ScriptedReply, request: PushedRequest): void {
    this.counts.rejected += 1;
    const rejection: Rejection = { status: reply.status, ...errorOf(reply), ...nameOf(request) };
    if (this.#options.keep !== false) this.rejected.push(rejection);
    this.#options.onRejected?.(rejection);
  }

  #wake(): void {
    for (const look of this.#waiters) look();
  }
}

/** A refusal by the HTTP layer, in plain text. */
class HttpRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function decodeMessage({ headers, body }: PushedRequest): PushRequest {
  try {
    return fromBinary(PushRequestSchema, headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
  } catch (error) {
    throw new Refusal("invalid_argument", `unmarshal message: ${String(error)}`);
  }
}

function receive(
  { headers, receivedMs }: PushedRequest,
  {
    series,
    sample,
    rules,
  }: { series: PushRequest["series"][0]; sample: PushRequest["series"][0]["samples"][0]; rules: ServerRules },
): ReceivedProfile {
  const profile = checkSample(series, sample, rules);
  return {
    labels: labelsOf(series),
    id: sample.ID,
    bytes: sample.rawProfile,
    profile,
    totals: valueTotals(profile),
    negativeSamples: profile.sample.filter(({ value }) => value.some((one) => one < 0n)).length,
    headers,
    receivedMs,
  };
}

function labelsOf(series: PushRequest["series"][0]): Record<string, string> {
  return Object.fromEntries(series.labels.map(({ name, value }) => [name, value]));
}

function errorOf({ body = "" }: ScriptedReply): { code: string; message: string } {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  try {
    const { code, message } = JSON.parse(text) as { code: unknown; message: unknown };
    return { code: String(code), message: String(message) };
  } catch {
    return { code: "", message: text };
  }
}

/** Which profile a refused request carried, as far as it can be read. */
function nameOf(request: PushedRequest): Pick<Rejection, "id" | "labels"> {
  try {
    const series = decodeMessage(request).series[0];
    return series ? { labels: labelsOf(series), id: series.samples[0]?.ID ?? "" } : {};
  } catch {
    return {};
  }
}
