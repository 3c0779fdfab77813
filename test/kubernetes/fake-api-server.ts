import { once } from "node:events";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createAuthority } from "../support/certificates.ts";

/** An object of the API, as far as the fake cares. */
export type FakeObject = {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [more: string]: unknown;
};

/** An answer in place of the truth. */
export interface FakeAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Not a Kubernetes: what an API server says of one resource, in the documented form (lists in pages, watches with versions and bookmarks), over
 * real HTTPS, with the faults that a real one (kube-apiserver.ts) shows only by chance. It knows no selectors and no other resources.
 */
export class FakeApiServer implements AsyncDisposable {
  readonly ca: string;
  /** The query of every request. */
  readonly asked: URLSearchParams[] = [];
  /** What the next requests are answered with in place of the truth. */
  readonly refusals: FakeAnswer[] = [];
  /** What requests are answered with in place of the truth. */
  refuses: (query: URLSearchParams, request: IncomingMessage) => FakeAnswer | undefined = () => undefined;
  /** Watches from a version below it are refused. */
  oldest = 0;
  /** Ends lists in the middle with a token that has expired. */
  expiresTokens = false;
  #version = 100;
  readonly #objects = new Map<string, { readonly object: FakeObject; readonly version: number }>();
  readonly #events: { readonly version: number; readonly line: string }[] = [];
  readonly #watches = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  readonly #server: https.Server;

  private constructor() {
    const authority = createAuthority("fake-ca");
    const { cert, key } = authority.issue({ name: "fake", hosts: ["127.0.0.1"] });
    this.ca = authority.cert;
    this.#server = https.createServer({ cert, key }, (request, response) => {
      const { searchParams } = new URL(request.url ?? "/", "https://fake");
      this.asked.push(searchParams);
      const refusal = this.refusals.shift() ?? this.refuses(searchParams, request);
      if (refusal) response.writeHead(refusal.status).end(refusal.body);
      else if (searchParams.get("watch") === "true") this.#watch(searchParams, response);
      else this.#list(searchParams, response);
    });
    this.#server.on("secureConnection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** Lists and watches so far: `list watch watch`. */
  get history(): string {
    return this.asked.map((query) => (query.get("watch") === "true" ? "watch" : "list")).join(" ");
  }

  put(object: FakeObject): void {
    const key = keyOf(object);
    const type = this.#objects.has(key) ? "MODIFIED" : "ADDED";
    const version = ++this.#version;
    this.#objects.set(key, { object, version });
    this.#tell(type, { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
  }

  delete(key: string): void {
    const before = this.#objects.get(key);
    if (!before) throw new Error(`No object "${key}"`);
    this.#objects.delete(key);
    const resourceVersion = String(++this.#version);
    this.#tell("DELETED", { ...before.object, metadata: { ...before.object.metadata, resourceVersion } });
  }

  /** Deletes without a word, as if nobody had been watching and the event were compacted by now. */
  lose(key: string): void {
    this.#objects.delete(key);
    this.#version++;
    this.oldest = this.#version;
  }

  bookmark(): void {
    const object = { kind: "Pod", apiVersion: "v1", metadata: { resourceVersion: String(++this.#version) } };
    this.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
  }

  /** Writes to every watch, whatever it is. */
  write(text: string): void {
    for (const watch of this.#watches) watch.write(text);
  }

  /** Ends every watch, as an API server does after some minutes. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  /** Breaks every connection. */
  breakOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Is not there for a while. */
  async leave(): Promise<() => Promise<void>> {
    const { port } = this.#server.address() as AddressInfo;
    await this[Symbol.asyncDispose]();
    return async () => {
      this.#server.listen(port, "127.0.0.1");
      await once(this.#server, "listening");
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.breakOff();
    await once(this.#server, "close");
  }

  #tell(type: string, object: unknown): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#events.push({ version: this.#version, line });
    this.write(line);
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const start = Number(query.get("continue") ?? 0);
    if (start > 0 && this.expiresTokens) {
      this.expiresTokens = false;
      response.writeHead(410).end(JSON.stringify(status(410, "The provided continue parameter is too old")));
      return;
    }
    const all = [...this.#objects.values()].map(({ object, version }) => ({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    }));
    const end = Math.min(all.length, start + Number(query.get("limit") ?? all.length));
    const metadata = { resourceVersion: String(this.#version), ...(end < all.length && { continue: String(end) }) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata, items: all.slice(start, end) }));
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get("resourceVersion"));
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    if (from < this.oldest) {
      response.end(`${JSON.stringify({ type: "ERROR", object: status(410, "too old resource version") })}\n`);
      return;
    }
    for (const { version, line } of this.#events) if (version > from) response.write(line);
    this.#watches.add(response);
    response.once("close", () => this.#watches.delete(response));
  }
}

/** The API server's form of an error. */
export function status(code: number, message: string): unknown {
  return { kind: "Status", apiVersion: "v1", status: "Failure", message, code };
}

function keyOf({ metadata: { name, namespace } }: FakeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
