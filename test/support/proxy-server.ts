import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import tls from "node:tls";
import type { Certificate } from "./certificates.ts";

/** What a proxy saw of one request. */
export interface ProxiedRequest {
  readonly method: string;
  /** `host:port` of a CONNECT, else the whole URL. */
  readonly target: string;
  /** Lower-case names; repeated headers are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ProxyServer {
  readonly port: number;
  /** Without credentials: `http://127.0.0.1:port`, or `https://localhost:port`. */
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly ProxiedRequest[];
  /** Connections that clients hold open now. */
  connections(): number;
  /** Destroys every connection and stops listening. */
  close(): Promise<void>;
}

export interface ProxyServerOptions {
  /** `user:password` that requests have to bring; else they are answered with 407. */
  readonly credentials?: string;
  /** Makes it an https proxy. */
  readonly certificate?: Certificate;
  /** Sent in place of every answer, as it is; the connection is closed behind it unless it is kept open. */
  readonly answer?: string;
  readonly keepsOpen?: boolean;
}

/** A proxy on a free port of 127.0.0.1: CONNECT, and requests that name a whole URL. */
export async function startProxyServer(options: ProxyServerOptions = {}): Promise<ProxyServer> {
  const requests: ProxiedRequest[] = [];
  const { certificate } = options;
  const serve = (socket: Socket): void =>
    readHead(socket, (head, rest) => {
      const request = parseHead(head);
      requests.push(request);
      respond(socket, { ...options, request, rest });
    });
  const server = certificate ? tls.createServer(certificate, serve) : net.createServer(serve);
  const { port, connections, close } = await listening(server);
  return {
    port,
    url: certificate ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    connections,
    close,
  };
}

/** Listens on a free port of 127.0.0.1, and knows what has to be destroyed in the end. */
export async function listening(server: net.Server): Promise<Pick<ProxyServer, "port" | "connections" | "close">> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    // A client that goes away is what tests provoke.
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Joins two connections, the first of which sent `rest` already; each ends with the other. */
export function join(client: Socket, upstream: Socket, rest: Uint8Array): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on("error", () => to.destroy()).once("close", () => to.destroy());
    from.pipe(to);
  }
  if (rest.length > 0) upstream.write(rest);
}

interface Response extends ProxyServerOptions {
  readonly request: ProxiedRequest;
  readonly rest: Buffer;
}

function respond(socket: Socket, { request, rest, credentials, answer, keepsOpen = false }: Response): void {
  if (answer !== undefined) {
    socket.write(answer);
    if (!keepsOpen) socket.end();
    return;
  }
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString("base64")}`;
  if (wanted && request.headers["proxy-authorization"] !== wanted) {
    const realm = 'Proxy-Authenticate: Basic realm="test"';
    socket.end(`HTTP/1.1 407 Proxy Authentication Required\r\n${realm}\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  if (request.method === "CONNECT") tunnel(socket, request.target, rest);
  else forward(socket, request, rest);
}

function tunnel(socket: Socket, target: string, rest: Buffer): void {
  const { hostname, port } = new URL(`tunnel://${target}`);
  const upstream = net.connect(Number(port), hostname.replace(/^\[|\]$/g, ""), () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    join(socket, upstream, rest);
  });
  upstream.once("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\nno such way\n"));
}

/** One request for each connection. */
function forward(socket: Socket, { method, target, headers }: ProxiedRequest, rest: Buffer): void {
  const url = new URL(target);
  const lines = Object.entries({ ...headers, connection: "close" })
    .filter(([name]) => !name.startsWith("proxy-"))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const upstream = net.connect(Number(url.port || 80), url.hostname, () => {
    upstream.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`);
    join(socket, upstream, rest);
  });
  upstream.once("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"));
}

function readHead(socket: Socket, onHead: (head: string, rest: Buffer) => void): void {
  let read: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    const end = read.indexOf("\r\n\r\n");
    if (end < 0) return;
    socket.off("data", onData);
    onHead(read.toString("latin1", 0, end), read.subarray(end + 4));
  };
  socket.on("error", () => {}).on("data", onData);
}

function parseHead(head: string): ProxiedRequest {
  const [requestLine = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { method, target, headers };
}
