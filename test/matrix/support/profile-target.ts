import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { recording } from "../../support/recordings.ts";

/** A request that the target answered. */
export interface TargetRequest {
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
}

export interface ProfileTargetOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Who is answered with a profile; anybody else gets 401. */
  readonly allow?: (headers: IncomingHttpHeaders) => boolean;
  /** `false` ends each connection behind its answer, so that proxies log the tunnel. */
  readonly keepAlive?: boolean;
}

export interface ProfileTarget {
  readonly port: number;
  readonly requests: readonly TargetRequest[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** A target that answers every path with the goroutines of a Go program, on all addresses of this machine. */
export async function startProfileTarget(options: ProfileTargetOptions = {}): Promise<ProfileTarget> {
  const { tls, allow = () => true, keepAlive = true } = options;
  const body = recording("goroutine", 1);
  const requests: TargetRequest[] = [];
  const handler: RequestListener = ({ url = "", headers }, response) => {
    const status = allow(headers) ? 200 : 401;
    requests.push({ url, headers, status });
    if (!keepAlive) response.setHeader("connection", "close");
    response.writeHead(status).end(status === 200 ? body : "no access\n");
  };
  const server = tls ? createTlsServer(tls, handler) : createServer(handler);
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
