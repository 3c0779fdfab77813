import tls, { type TLSSocket } from "node:tls";
import { limits } from "../../src/base/index.ts";
import { listen } from "./client-under-test.ts";
import { selfSigned } from "./self-signed.ts";

/** Frame types, flags and error codes (RFC 9113, 6 and 7). */
const [headersFrame, resetFrame, settingsFrame, goAwayFrame, continuationFrame] = [1, 3, 4, 7, 9];
const [endStream, endHeaders, ack] = [1, 4, 1];
const refusedStream = 7;

/** What it does with a request: answers 200, turns it away in one of two ways, or answers with more headers than are read. */
export type Treatment = "ok" | "refuse" | "goAway" | "headers";

export interface RawHttp2Server {
  readonly url: string;
  readonly port: number;
  /** What each request so far got, and on which connection it came, counted from 1. */
  readonly seen: (readonly [connection: number, treatment: Treatment])[];
  /** Of the client, by their number (RFC 9113, 6.5.2). */
  readonly settings: Map<number, number>;
  open(): number;
  close(): void;
}

/** A server of single frames, for what no HTTP/2 library does on purpose; the treatments count for one request after the other. */
export async function startRawHttp2Server(...treatments: Treatment[]): Promise<RawHttp2Server> {
  const seen: RawHttp2Server["seen"] = [];
  const settings = new Map<number, number>();
  const sockets = new Set<TLSSocket>();
  let connections = 0;
  const server = tls.createServer({ ...selfSigned, ALPNProtocols: ["h2"] }, (socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    socket.write(frame({ type: settingsFrame }));
    readFrames(socket, ({ type, flags, stream, payload }) => {
      if (type === settingsFrame && !(flags & ack)) {
        for (let at = 0; at < payload.length; at += 6)
          settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
        socket.write(frame({ type: settingsFrame, flags: ack }));
      }
      if (type !== headersFrame) return;
      const treatment = treatments[seen.length] ?? "ok";
      seen.push([connection, treatment]);
      treat[treatment](socket, stream);
    });
  });
  const { port, close } = await listen(server);
  return { url: `https://localhost:${port}/`, port, seen, settings, open: () => sockets.size, close };
}

const status200 = Buffer.from([0x88]);

const treat: Record<Treatment, (socket: TLSSocket, stream: number) => void> = {
  ok: (socket, stream) =>
    socket.write(frame({ type: headersFrame, flags: endStream | endHeaders, stream, payload: status200 })),
  refuse: (socket, stream) => socket.write(frame({ type: resetFrame, stream, payload: numbers(refusedStream) })),
  // No stream was or will be worked on.
  goAway: (socket) => socket.end(frame({ type: goAwayFrame, payload: numbers(0, 0) })),
  headers(socket, stream) {
    // In few frames, because libraries count those too.
    const padding = Array.from({ length: 5 }, (_, i) => literal(`x-${i}`, "y".repeat(limits.responseHeaderBytes / 5)));
    socket.write(frame({ type: headersFrame, flags: endStream, stream, payload: status200 }));
    for (const [i, payload] of padding.entries())
      socket.write(frame({ type: continuationFrame, flags: i === 4 ? endHeaders : 0, stream, payload }));
  },
};

interface Frame {
  readonly type: number | undefined;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function frame({ type = 0, flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Frame>): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

/** A header field without indexing and without Huffman coding (RFC 7541, 6.2.2). */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** RFC 7541, 5.2. */
function text(value: string): Buffer {
  const length = [Math.min(value.length, 127)];
  if (length[0] === 127) {
    let rest = value.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), Buffer.from(value)]);
}

const prefaceBytes = 24;

function readFrames(socket: TLSSocket, take: (frame: Frame) => void): void {
  let read: Buffer = Buffer.alloc(0);
  let begin = prefaceBytes;
  const end = (): number =>
    read.length < begin + 9 ? Number.POSITIVE_INFINITY : begin + 9 + read.readUIntBE(begin, 3);
  socket.on("data", (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    while (read.length >= end()) {
      const [head, payload] = [read.subarray(begin), read.subarray(begin + 9, end())];
      begin = end();
      take({ type: head[3], flags: head[4] as number, stream: head.readUInt32BE(5), payload });
    }
  });
}
