import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { PushRequestSchema } from "../../src/gen/push/v1/push_pb.ts";
import { connectError, type ScriptedReply } from "../support/push-server.ts";
import { timeOf } from "./profile-time.ts";

/** One pushed profile. */
export interface Pushed {
  /** `RawSample.ID`, which the agent's log names too. */
  readonly id: string;
  readonly service: string;
  readonly type: string;
  readonly timeMs: number;
  readonly rawBytes: number;
}

/**
 * What the server does with a request. `refuse`: nobody listens. `stall`: no answer ever. `reset`: the connection is cut before the profile
 * is stored; `cut`: after it is stored, in the middle of the answer, so that the agent cannot know. `trickle`: the answer begins and never
 * ends. A function decides for each profile.
 */
export type Fault =
  | "refuse"
  | "stall"
  | "reset"
  | "cut"
  | "trickle"
  | ScriptedReply
  | ((pushed: Pushed) => Fault | undefined);

export interface Delivery {
  readonly pushed: Pushed;
  readonly atMs: number[];
  /** Deliveries whose answer the server cut, so that another is the agent's duty. */
  unanswered: number;
}

const proto = { "content-type": "application/proto" };

/** A Pyroscope server that can be made to fail in every way, and counts deliveries by profile. */
export class FaultServer {
  /** By the profile's id. */
  readonly deliveries = new Map<string, Delivery>();
  /** Answers given, by status; faults without one by their name. */
  readonly replies = new Map<string, number>();
  /** Answers that were begun, or never will be. */
  readonly #stuck = new Set<ServerResponse>();
  #fault: Fault | undefined;
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<FaultServer> {
    const server = new FaultServer();
    await server.#listen();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How it fails from now on; `undefined` heals it. */
  async fail(fault: Fault | undefined): Promise<void> {
    this.#fault = fault;
    // These would wait for their deadline. The other connections stay: a cut after an answer would be a fault of its own.
    for (const response of this.#stuck) response.destroy();
    if (fault === "refuse") await this.close();
    else if (!this.#server) await this.#listen();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    // What is being answered now is answered first.
    const cutting = setTimeout(() => server.closeAllConnections(), 500);
    await closed;
    clearTimeout(cutting);
  }

  async #listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#fault === "stall") return this.#leave(response, "stall");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    for (const pushed of profilesOf(Buffer.concat(chunks))) this.#answer(pushed, response, this.#fault);
  }

  #answer(pushed: Pushed, response: ServerResponse, fault: Fault | undefined): void {
    if (typeof fault === "function") return this.#answer(pushed, response, fault(pushed));
    if (fault === "stall") return this.#leave(response, fault);
    this.#count(fault === undefined ? "200" : typeof fault === "object" ? String(fault.status) : fault);
    if (typeof fault === "object") response.writeHead(fault.status, { ...fault.headers }).end(fault.body);
    else if (fault === "cut" || fault === "trickle") {
      this.#deliver(pushed, { answered: false });
      response.writeHead(200, { ...proto, "content-length": 100 }).write("x");
      if (fault === "cut") setTimeout(() => response.destroy(), 20);
      else this.#stuck.add(response.once("close", () => this.#stuck.delete(response)));
    } else if (fault === undefined) {
      this.#deliver(pushed, { answered: true });
      response.writeHead(200, proto).end();
    } else response.destroy();
  }

  #deliver(pushed: Pushed, { answered }: { answered: boolean }): void {
    const known = this.deliveries.get(pushed.id) ?? { pushed, atMs: [], unanswered: 0 };
    known.atMs.push(Date.now());
    if (!answered) known.unanswered += 1;
    this.deliveries.set(pushed.id, known);
  }

  #leave(response: ServerResponse, name: string): void {
    this.#count(name);
    this.#stuck.add(response.once("close", () => this.#stuck.delete(response)));
  }

  #count(name: string): void {
    this.replies.set(name, (this.replies.get(name) ?? 0) + 1);
  }
}

function profilesOf(body: Uint8Array): readonly Pushed[] {
  const { series } = fromBinary(PushRequestSchema, body);
  return series.flatMap(({ labels, samples }) => {
    const label = (name: string): string => labels.find((one) => one.name === name)?.value ?? "";
    return samples.map(({ ID, rawProfile }) => {
      const raw = rawProfile[0] === 0x1f ? gunzipSync(rawProfile) : rawProfile;
      const timeMs = Number(timeOf(raw) / 1_000_000n);
      return { id: ID, service: label("service_name"), type: label("__name__"), timeMs, rawBytes: raw.length };
    });
  });
}

/** A tenant's rate limit as Pyroscope has it: bytes of uncompressed profiles per second, and a burst. */
export function rateLimit(bytesPerSecond: number, burstBytes: number): (pushed: Pushed) => Fault | undefined {
  let tokens = burstBytes;
  let lastMs = Date.now();
  return ({ rawBytes }) => {
    const nowMs = Date.now();
    tokens = Math.min(burstBytes, tokens + ((nowMs - lastMs) / 1000) * bytesPerSecond);
    lastMs = nowMs;
    if (rawBytes > tokens)
      return connectError(
        "resource_exhausted",
        `push rate limit (${bytesPerSecond} B/s) exceeded while adding ${rawBytes} B`,
      );
    tokens -= rawBytes;
    return undefined;
  };
}
