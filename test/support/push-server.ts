/**
 * A Pyroscope server for tests: a real HTTP server that speaks the Push protocol (Connect unary), decodes what arrives with
 * protobuf-es, is as strict as a Pyroscope 2 server (push-rules.ts), records what it accepted and what it refused, and
 * misbehaves on demand.
 *
 *     const server = await startPushServer();
 *     // … push to server.url …
 *     await server.waitFor(() => server.accepted.length >= 2);
 *     expect(server.accepted[0].labels).toEqual({ __name__: "memory", service_name: "shop" });
 *
 *     server.replyWith(503);                                  // every request from now on, with a proxy's HTML page
 *     server.replyWith(connectError("resource_exhausted", "too fast", { headers: { "retry-after": "2" } }));
 *     server.replyWith("stall");                              // never answers; also "reset"
 *     server.replyWith((request) => (request.number < 3 ? 500 : undefined));   // undefined: by the rules
 *     server.replyWith(undefined);                            // back to the rules
 *     await server.close();                                   // or `await using`
 *
 * Stand-alone: `bun test/support/push-server.ts [port] [--any-age]` is a local Pyroscope that prints a line per profile (port
 * 4040); with `--any-age` it takes recordings, too, which are older than the hour that a server accepts.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  type PushedRequest,
  PushRecorder,
  type PushServerOptions,
  type ReceivedProfile,
  type Rejection,
  type Script,
} from "./push-recorder.ts";

export {
  connectError,
  htmlPage,
  type PushedRequest,
  type PushServerOptions,
  type ReceivedProfile,
  type Rejection,
  type Reply,
  type Script,
  type ScriptedReply,
} from "./push-recorder.ts";
export { type ConnectCode, connectStatus, type ServerRules, valueTotals } from "./push-rules.ts";

export interface PushServer {
  /** `http://127.0.0.1:PORT`, https with `tls`, or `unix://PATH` */
  readonly url: string;
  /** 0 on a unix socket. */
  readonly port: number;
  readonly accepted: readonly ReceivedProfile[];
  readonly rejected: readonly Rejection[];
  readonly requests: readonly PushedRequest[];
  readonly counts: { readonly requests: number; readonly accepted: number; readonly rejected: number };
  /** Requests that were read whole and wait for their answer, and the most there ever were at once. */
  readonly open: { readonly now: number; readonly most: number };
  /** Scripts every request from now on; `undefined` goes back to the rules. Requests that stall stay stalled. */
  replyWith(script: Script | undefined): void;
  /** Resolves once `predicate` holds, which is looked at after every request; rejects after `timeoutMs` (default 10 s). */
  waitFor(predicate: () => boolean, options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Forgets what was recorded. */
  clear(): void;
  /** Cuts every connection. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts one and resolves when it listens. */
export async function startPushServer(options: PushServerOptions = {}): Promise<PushServer> {
  const pusher = new PushRecorder(options);
  const handler: RequestListener = (request, response) => {
    pusher.handle(request, response).catch((error: unknown) => {
      // The client went away while its request was read; the others must not notice.
      if (!response.destroyed) response.destroy(error instanceof Error ? error : undefined);
    });
  };
  const http = options.tls ? createTlsServer(options.tls, handler) : createServer(handler);
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    if (options.socketPath !== undefined) http.listen(options.socketPath, resolve);
    else http.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
  });
  return handleOf(pusher, http, options);
}

function handleOf(pusher: PushRecorder, http: Server, options: PushServerOptions): PushServer {
  const { socketPath } = options;
  const port = socketPath === undefined ? (http.address() as AddressInfo).port : 0;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    http.closeAllConnections();
    await closed;
  };
  return {
    url:
      socketPath === undefined
        ? `${options.tls ? "https" : "http"}://${options.host ?? "127.0.0.1"}:${port}`
        : `unix://${socketPath}`,
    port,
    accepted: pusher.accepted,
    rejected: pusher.rejected,
    requests: pusher.requests,
    counts: pusher.counts,
    open: pusher.open,
    replyWith: (script) => pusher.replyWith(script),
    waitFor: (predicate, { timeoutMs = 10_000 } = {}) => pusher.waitFor(predicate, timeoutMs),
    clear: () => pusher.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function show(labels: unknown): string {
  return JSON.stringify(labels ?? {});
}

async function main(): Promise<void> {
  const anyAge = process.argv.includes("--any-age");
  const server = await startPushServer({
    port: Number(process.argv.slice(2).find((argument) => argument !== "--any-age") ?? 4040),
    ...(anyAge && { rules: { maxAgeMs: Number.POSITIVE_INFINITY } }),
    keep: false,
    onAccepted: ({ id, labels, bytes, profile }) =>
      console.log(`accepted ${id} ${bytes.byteLength}B ${profile.sample.length} samples ${show(labels)}`),
    onRejected: ({ status, code, message, labels, id }) =>
      console.log(`rejected ${id ?? "-"} ${status} ${code} ${message} ${show(labels)}`),
  });
  console.log(`Push server listens on ${server.url}`);
  process.once("SIGTERM", () => void server.close());
  process.once("SIGINT", () => void server.close());
}

if (import.meta.main) await main();
