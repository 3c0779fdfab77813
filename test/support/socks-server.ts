import net, { type Socket } from "node:net";
import { join, listening, type ProxyServer } from "./proxy-server.ts";

export interface SocksServer extends Pick<ProxyServer, "port" | "connections" | "close"> {
  /** What clients asked for, oldest first: `kind host:port` with kind `name`, `ipv4` or `ipv6`. */
  readonly targets: readonly string[];
}

export interface SocksServerOptions {
  /** `user:password` that clients have to bring. */
  readonly credentials?: string;
  /** Answered in place of connecting: a reply of RFC 1928, section 6. */
  readonly reply?: number;
  /** Sent with the answer to a request that succeeds, in the same packet. */
  readonly early?: string;
}

/** A SOCKS 5 proxy on a free port of 127.0.0.1 (RFC 1928, RFC 1929). */
export async function startSocksServer(options: SocksServerOptions = {}): Promise<SocksServer> {
  const targets: string[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    serve(socket, options, targets).catch(() => socket.destroy());
  });
  return { targets, ...(await listening(server)) };
}

async function serve(socket: Socket, options: SocksServerOptions, targets: string[]): Promise<void> {
  const { credentials, reply, early = "" } = options;
  const read = reader(socket);
  const [, methodCount = 0] = await read(2);
  const methods = await read(methodCount);
  const method = credentials === undefined ? 0 : 2;
  if (!methods.includes(method)) return void socket.end(Buffer.from([5, 0xff]));
  socket.write(Buffer.from([5, method]));
  if (credentials !== undefined) {
    const [, userBytes = 0] = await read(2);
    const user = await read(userBytes);
    const password = await read((await read(1))[0] ?? 0);
    const isRight = `${user.toString()}:${password.toString()}` === credentials;
    socket.write(Buffer.from([1, isRight ? 0 : 1]));
    if (!isRight) return void socket.end();
  }
  const { kind, host, port } = await readTarget(read);
  targets.push(`${kind} ${host}:${port}`);
  if (reply !== undefined) return void socket.end(replyOf(reply));
  const upstream = net.connect(port, host, () => {
    socket.write(Buffer.concat([replyOf(0), Buffer.from(early)]));
    join(socket, upstream, Buffer.alloc(0));
  });
  upstream.once("error", () => socket.end(replyOf(5)));
}

function replyOf(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

type Read = (bytes: number) => Promise<Buffer>;

async function readTarget(read: Read): Promise<{ kind: string; host: string; port: number }> {
  const [, , , kind] = await read(4);
  const readHost: Readonly<Record<number, () => Promise<string>>> = {
    1: async () => [...(await read(4))].join("."),
    3: async () => (await read((await read(1))[0] ?? 0)).toString(),
    4: async () => (await read(16)).toString("hex").match(/..../g)?.join(":") ?? "",
  };
  const host = (await readHost[kind ?? 0]?.()) ?? "";
  const kinds: Readonly<Record<number, string>> = { 1: "ipv4", 3: "name", 4: "ipv6" };
  return { kind: kinds[kind ?? 0] ?? "unknown", host, port: (await read(2)).readUInt16BE() };
}

/** Reads exactly as many bytes as asked for. */
function reader(socket: Socket): Read {
  return (bytes) =>
    new Promise((resolve, reject) => {
      const attempt = (): void => {
        const chunk = bytes === 0 ? Buffer.alloc(0) : (socket.read(bytes) as Buffer | null);
        if (chunk === null) return;
        socket.off("readable", attempt).off("close", onClose);
        resolve(chunk);
      };
      const onClose = (): void => reject(new Error("closed"));
      socket.on("readable", attempt).once("close", onClose);
      attempt();
    });
}
