import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Certificate } from "../support/certificates.ts";

interface Stored {
  metadata: {
    name: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    managedFields?: readonly { readonly manager: string; readonly time: string }[];
  };
  spec: Record<string, unknown>;
}

/**
 * An API server of Kubernetes as far as Leases need it, over real HTTP: it keeps objects, knows resource versions, refuses what is out of
 * date, and answers in the form of https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/. No kube-apiserver.
 */
export class FakeApiServer {
  readonly leases = new Map<string, Stored>();
  /** Everything that was asked: `PUT /apis/…`. */
  readonly requests: string[] = [];
  /** The one that it takes. */
  token = "token-of-the-account";
  /** Its own clock, with which it notes when it took an object in, and dates its answers. */
  nowMs: () => number = () => Date.now();
  readonly namespace = "monitoring";
  /** What the next answers are in place of the right ones; `keeps`: nothing may be deleted, `writes_silently`: what is written is not answered, `foreign`: as another server that takes everything. */
  fault: "none" | "forbidden" | "unavailable" | "hangs" | "keeps" | "writes_silently" | "foreign" = "none";
  #version = 1;
  readonly #server;
  readonly #scheme: "http" | "https";

  private constructor(certificate: Certificate | undefined) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    this.#scheme = certificate ? "https" : "http";
    this.#server = certificate ? createTlsServer(certificate, answer) : createServer(answer);
  }

  /** Over TLS where it is given a certificate for 127.0.0.1. */
  static async start(certificate?: Certificate): Promise<FakeApiServer> {
    const server = new FakeApiServer(certificate);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`);
    const body = await textOf(request);
    if (this.fault === "hangs") return;
    if (this.fault === "foreign") return void response.end();
    const [status, answer] = this.#decide(request, body);
    if (this.fault === "writes_silently" && request.method !== "GET") return;
    const date = new Date(this.nowMs()).toUTCString();
    response.writeHead(status, { "content-type": "application/json", date }).end(JSON.stringify(answer));
  }

  #decide({ method = "", url = "/", headers }: IncomingMessage, body: string): readonly [number, unknown] {
    if (headers.authorization !== `Bearer ${this.token}`) return failure(401, "Unauthorized", "Unauthorized");
    if (this.fault === "unavailable") return failure(503, "ServiceUnavailable", "apiserver is shutting down");
    if (this.fault === "forbidden")
      return failure(
        403,
        "Forbidden",
        `leases.coordination.k8s.io is forbidden: User "agent" cannot list resource "leases"`,
      );
    const { pathname, searchParams } = new URL(url, this.url);
    const collection = `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases`;
    if (pathname === collection)
      return method === "POST" ? this.#create(body) : this.#list(searchParams.get("labelSelector") ?? "");
    if (!pathname.startsWith(`${collection}/`))
      return failure(404, "NotFound", "the server could not find the requested resource");
    const name = decodeURIComponent(pathname.slice(collection.length + 1));
    const stored = this.leases.get(name);
    if (!stored) return failure(404, "NotFound", `leases.coordination.k8s.io "${name}" not found`);
    if (method === "PUT") return this.#update(stored, body);
    if (method === "DELETE" && this.fault === "keeps") return failure(403, "Forbidden", "leases is forbidden");
    if (method === "DELETE") return this.#delete(stored, body);
    return [200, stored];
  }

  #create(body: string): readonly [number, unknown] {
    const lease = JSON.parse(body) as Stored;
    const { name } = lease.metadata;
    if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return failure(422, "Invalid", `Lease "${name}" is invalid`);
    if (this.leases.has(name))
      return failure(409, "AlreadyExists", `leases.coordination.k8s.io "${name}" already exists`);
    return [201, this.#store(lease)];
  }

  #list(selector: string): readonly [number, unknown] {
    const [key = "", value] = selector.split("=");
    const items = [...this.leases.values()].filter(({ metadata }) => metadata.labels?.[key] === value);
    return [200, { kind: "LeaseList", apiVersion: "coordination.k8s.io/v1", metadata: {}, items }];
  }

  #update(stored: Stored, body: string): readonly [number, unknown] {
    const lease = JSON.parse(body) as Stored;
    const isCurrent = lease.metadata.resourceVersion === stored.metadata.resourceVersion;
    return isCurrent ? [200, this.#store(lease)] : outOfDate(stored);
  }

  #delete(stored: Stored, body: string): readonly [number, unknown] {
    const { preconditions } = JSON.parse(body || "{}") as { preconditions?: { resourceVersion?: string } };
    const wanted = preconditions?.resourceVersion;
    if (wanted !== undefined && wanted !== stored.metadata.resourceVersion) return outOfDate(stored);
    this.leases.delete(stored.metadata.name);
    return [200, { kind: "Status", apiVersion: "v1", status: "Success" }];
  }

  #store(lease: Stored): Stored {
    // MicroTime, without which the real one refuses the object.
    for (const field of ["renewTime", "acquireTime"])
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(String(lease.spec[field])))
        throw new Error(`spec.${field} is no MicroTime: ${String(lease.spec[field])}`);
    const managedFields = [{ manager: "pprof-agent", time: new Date(this.nowMs()).toISOString() }];
    const metadata = { ...lease.metadata, resourceVersion: String(++this.#version), managedFields };
    const stored = { ...lease, metadata };
    this.leases.set(lease.metadata.name, stored);
    return stored;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function failure(code: number, reason: string, message: string): readonly [number, unknown] {
  return [code, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code }];
}

function outOfDate({ metadata }: Stored): readonly [number, unknown] {
  return failure(
    409,
    "Conflict",
    `Operation cannot be fulfilled on leases.coordination.k8s.io "${metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
  );
}
