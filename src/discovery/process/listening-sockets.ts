import { open } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import { limits } from "../../base/index.ts";
import { DiscoveryError } from "../discovery-error.ts";

/** A TCP socket that waits for connections. */
export interface ListeningSocket {
  /** As the kernel numbers it: no other socket has it as long as this one is open, and the next one has another. */
  readonly inode: string;
  /** Where it is bound: `127.0.0.1`, `::`. */
  readonly ip: string;
  readonly port: number;
  /** Of the user who opened it. */
  readonly uid: number;
}

/** The TCP sockets of this network namespace that listen: proc(5), /proc/net/tcp. Those of containers with a network of their own are not among them. */
export async function listeningSockets(proc: string): Promise<readonly ListeningSocket[]> {
  const [four, six] = await Promise.all(["tcp", "tcp6"].map((name) => listening(join(proc, "net", name))));
  return [...(four ?? []), ...(six ?? [])];
}

async function listening(file: string): Promise<readonly ListeningSocket[]> {
  const sockets: ListeningSocket[] = [];
  for (const line of await firstLines(file)) {
    const socket = parseLine(line);
    if (socket) sockets.push(socket);
  }
  return sockets;
}

const listen = "0A";
const chunkBytes = 16_384;

/** The lines about listening sockets. They come first, and the many others are not read. */
async function firstLines(file: string): Promise<readonly string[]> {
  const handle = await open(file).catch((thrown: unknown) => {
    // A system without IPv6.
    if ((thrown as { code?: string }).code === "ENOENT" && file.endsWith("6")) return undefined;
    throw new DiscoveryError("unreadable", `Cannot read "${file}": ${String((thrown as { code?: string }).code)}`, {
      cause: thrown,
    });
  });
  if (!handle) return [];
  try {
    let text = "";
    const buffer = Buffer.alloc(chunkBytes);
    while (text.length < limits.socketTableBytes) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, null);
      text += buffer.toString("latin1", 0, bytesRead);
      const lines = text.split("\n").slice(1, -1);
      const end = lines.findIndex((line) => fieldsOf(line)[3] !== listen);
      if (end >= 0) return lines.slice(0, end);
      if (bytesRead === 0) return lines;
    }
    throw new DiscoveryError(
      "too_large",
      `Cannot read "${file}": its listening sockets are more than can be looked at`,
    );
  } finally {
    await handle.close();
  }
}

function fieldsOf(line: string): readonly string[] {
  return line.trim().split(/\s+/);
}

function parseLine(line: string): ListeningSocket | undefined {
  const [, local = "", , , , , , uid = "", , inode = ""] = fieldsOf(line);
  const [address = "", port = ""] = local.split(":");
  const ip = parseAddress(address);
  return ip === undefined ? undefined : { inode, ip, port: Number.parseInt(port, 16), uid: Number(uid) };
}

/** Words of 32 bits, each in the order of bytes that this machine has. */
function parseAddress(hex: string): string | undefined {
  if (!/^(?:[\dA-F]{8}|[\dA-F]{32})$/.test(hex)) return undefined;
  const bytes = Buffer.from(hex, "hex");
  if (endianness() === "LE") bytes.swap32();
  if (bytes.length === 4) return bytes.join(".");
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  return isMapped ? bytes.subarray(12).join(".") : shortIpv6(bytes);
}

function shortIpv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
