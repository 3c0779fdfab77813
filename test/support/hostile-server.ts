import { createServer, type Socket } from "node:net";
import { constants, deflateRawSync, gzipSync } from "node:zlib";

/** What the server saw of one request. */
export interface SeenRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HostileServer {
  /** `127.0.0.1:port`, as the `__address__` of a target. */
  readonly address: string;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  /** Every request so far, oldest first. */
  readonly requests: readonly SeenRequest[];
  /** Connections that are open now. */
  connections(): number;
  /** Resolves once no connection is open. */
  idle(): Promise<void>;
  /** Destroys every connection and stops listening. */
  close(): Promise<void>;
}

/**
 * A server whose every path misbehaves in its own way (the table below), on a free port of 127.0.0.1. It writes to raw
 * sockets, because no HTTP library would send this. It answers one request per connection, except where a path says so.
 */
export async function startHostileServer(): Promise<HostileServer> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const idleWaiters: (() => void)[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // A client that goes away in mid-answer is what these paths provoke.
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const resolve of idleWaiters.splice(0)) resolve();
    });
    readRequests(socket, (request) => {
      requests.push(request);
      (behaviours[request.path] ?? notFound)(socket, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => sockets.size,
    idle: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

type Behaviour = (socket: Socket, request: SeenRequest) => void;

const busyText = "Could not enable CPU profiling: cpu profiling already in use\n";
const html = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>";

const behaviours: Readonly<Record<string, Behaviour>> = {
  /** A short body, and the connection stays open for the next request. */
  "/ok": (socket) => answer(socket, { body: "ok", keepAlive: true }),
  "/ok-chunked": (socket) =>
    socket.write(`${head(200)}Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: t\r\n\r\n`),
  /** 200 with the wrong content, as a proxy's login page does. */
  "/html": (socket) => answer(socket, { body: html, contentType: "text/html; charset=utf-8" }),
  "/empty": (socket) => answer(socket, { body: "" }),
  /** Well-formed HTTP around half a gzip stream. */
  "/truncated-gzip": (socket) => answer(socket, { body: halfGzip() }),
  /** About 1 MB that inflates to 1.1 GiB, in one gzip member. */
  "/gzip-bomb": (socket) => answer(socket, { body: gzipBomb() }),
  /** Never ends; as fast as the client reads. */
  "/endless": (socket) => {
    socket.write(`${head(200)}Content-Type: application/octet-stream\r\n\r\n`);
    pump(socket);
  },
  /** The same as an error: what a message quotes must be bounded too. */
  "/endless-error": (socket) => {
    socket.write(`${head(500)}Content-Type: text/plain\r\n\r\n`);
    pump(socket);
  },
  /** Gzipped protobuf whose pprof fields have other wire types than pprof's. */
  "/wrong-wire-types": (socket) => answer(socket, { body: gzipSync(wrongWireTypes) }),
  "/404": (socket) => notFound(socket),
  "/500": (socket) => answer(socket, { status: 500, body: "internal error: something broke\n" }),
  /** What Go's net/http/pprof answers while another CPU profile runs. */
  "/cpu-busy": (socket) => answer(socket, { status: 500, body: busyText }),
  /** Half a body, then a TCP reset. */
  "/reset": (socket) => {
    socket.write(`${head(200)}Content-Length: 1000\r\n\r\n${"x".repeat(500)}`);
    // Later, because a reset takes with it what the client has not read yet.
    const timer = setTimeout(() => socket.resetAndDestroy(), 20);
    socket.on("close", () => clearTimeout(timer));
  },
  /** A TCP reset instead of an answer. */
  "/reset-at-once": (socket) => socket.resetAndDestroy(),
  /** A closed connection instead of an answer. */
  "/close-at-once": (socket) => socket.end(),
  /** Accepts the request and never answers. */
  "/silent": () => {},
  /** A byte of the head a second. */
  "/slow-headers": (socket) => drip(socket, `${head(200)}Content-Length: 2\r\n\r\nok`),
  /** A byte of the body a second. */
  "/trickle": (socket) => {
    socket.write(`${head(200)}Content-Length: 100000\r\n\r\n`);
    drip(socket, "x".repeat(100_000));
  },
  "/redirect-loop": (socket) => redirect(socket, { location: "/redirect-loop-2" }),
  "/redirect-loop-2": (socket) => redirect(socket, { location: "/redirect-loop" }),
  /** To a new path each time, without end. */
  "/redirect-on": (socket, { query }) =>
    redirect(socket, { location: `/redirect-on?hop=${Number(query.get("hop") ?? 0) + 1}` }),
  /** To `?to=` (default /ok) with status `?status=` (default 302). */
  "/redirect": (socket, { query }) =>
    redirect(socket, { location: query.get("to") ?? "/ok", status: Number(query.get("status") ?? 302) }),
  /** A Content-Length longer than the body. */
  "/cut": (socket) => socket.end(`${head(200)}Content-Length: 1000\r\n\r\n${"x".repeat(500)}`),
  "/cut-chunked": (socket) => socket.end(`${head(200)}Transfer-Encoding: chunked\r\n\r\n400\r\n${"x".repeat(500)}`),
  "/garbage": (socket) => socket.end("\u0000\u0001SSH-2.0-OpenSSH_9.2p1 this is not HTTP\r\n\r\n"),
  /** 1 MiB of response headers. */
  "/huge-headers": (socket) => {
    const header = `X-Padding: ${"x".repeat(1000)}\r\n`;
    socket.end(`${head(200)}${header.repeat(1024)}Content-Length: 2\r\n\r\nok`);
  },
  /** Answers, says nothing of closing, and resets when the next request comes on this connection. */
  "/close-after": (socket) => {
    answer(socket, { body: "ok", keepAlive: true });
    socket.removeAllListeners("data").on("data", () => socket.resetAndDestroy());
  },
};

function notFound(socket: Socket): void {
  answer(socket, { status: 404, body: "404 page not found\n" });
}

const statusText: Readonly<Record<number, string>> = { 200: "OK", 404: "Not Found", 500: "Internal Server Error" };

function head(status: number): string {
  return `HTTP/1.1 ${status} ${statusText[status] ?? "Other"}\r\n`;
}

interface Answer {
  readonly body: string | Uint8Array;
  readonly status?: number;
  readonly contentType?: string;
  readonly keepAlive?: boolean;
}

function answer(socket: Socket, { body, status = 200, contentType = "text/plain", keepAlive = false }: Answer): void {
  const bytes = Buffer.from(body);
  const connection = keepAlive ? "" : "Connection: close\r\n";
  socket.write(`${head(status)}Content-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n${connection}\r\n`);
  socket.write(bytes);
  if (!keepAlive) socket.end();
}

function redirect(socket: Socket, { location, status = 302 }: { location: string; status?: number }): void {
  socket.end(`${head(status)}Location: ${location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

function pump(socket: Socket): void {
  const block = Buffer.alloc(65_536, "x");
  const write = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on("drain", write);
  write();
}

function drip(socket: Socket, text: string): void {
  let sent = 0;
  const send = (): void => {
    if (socket.destroyed || sent === text.length) clearInterval(timer);
    else socket.write(text[sent++] as string);
  };
  const timer = setInterval(send, 1000);
  socket.on("close", () => clearInterval(timer));
  send();
}

function halfGzip(): Uint8Array {
  const whole = gzipSync(Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 251)));
  return whole.subarray(0, whole.length / 2);
}

let bomb: Uint8Array | undefined;

/** One deflate block of 1 MiB of zeros, repeated: made in milliseconds. Its checksum is wrong, but nobody should get there. */
function gzipBomb(): Uint8Array {
  if (bomb) return bomb;
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const mebibyte = deflateRawSync(Buffer.alloc(1024 ** 2), { finishFlush: constants.Z_FULL_FLUSH });
  const end = Buffer.concat([deflateRawSync(Buffer.alloc(0)), Buffer.alloc(8)]);
  bomb = Buffer.concat([header, ...Array.from<Buffer>({ length: 1126 }).fill(mebibyte), end]);
  return bomb;
}

/** sample_type as a varint, sample as fixed64, string_table as fixed32. */
const wrongWireTypes = Uint8Array.from([0x08, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x35, 1, 2, 3, 4]);

/** Calls `onRequest` for each request of the connection, once its body is there. */
function readRequests(socket: Socket, onRequest: (request: SeenRequest) => void): void {
  let buffered: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    buffered = Buffer.concat([buffered, chunk as Buffer]);
    for (;;) {
      const headEnd = buffered.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const request = parseHead(buffered.toString("latin1", 0, headEnd));
      const bodyEnd = headEnd + 4 + Number(request.headers["content-length"] ?? 0);
      if (buffered.length < bodyEnd) return;
      const body = buffered.subarray(headEnd + 4, bodyEnd);
      buffered = buffered.subarray(bodyEnd);
      onRequest({ ...request, body });
    }
  });
}

function parseHead(text: string): Omit<SeenRequest, "body"> {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", target = "/"] = requestLine.split(" ");
  const url = new URL(target, "http://hostile");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { method, path: url.pathname, query: url.searchParams, headers };
}
