import { type FileHandle, open } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import { formatSize, limits } from "../../base/index.ts";
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

const listen = "0A";
const chunkBytes = 16_384;

/** Those of one table. They come first in it, and the many others are not read. */
async function listening(file: string): Promise<readonly ListeningSocket[]> {
  const table = await openTable(file);
  if (!table) return [];
  const sockets: ListeningSocket[] = [];
  const buffer = Buffer.alloc(chunkBytes);
  let rest = "";
  try {
    for (let bytes = 0; bytes < limits.socketTableBytes; ) {
      const { bytesRead } = await table.read(buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return sockets;
      bytes += bytesRead;
      const lines = (rest + buffer.toString("latin1", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      for (const fields of lines.map(fieldsOf)) {
        if (fields[0] === "sl") continue;
        if (fields[3] !== listen) return sockets;
        const socket = socketOf(fields);
        if (socket) sockets.push(socket);
      }
    }
  } finally {
    await table.close();
  }
  throw new DiscoveryError(
    "too_large",
    `Cannot read "${file}": what it has of listening sockets is more than ${formatSize(limits.socketTableBytes)}; write the addresses of targets down`,
  );
}

/** `undefined` on a system without IPv6. */
async function openTable(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (cause) {
    const { code = "" } = cause as { readonly code?: string };
    if (code === "ENOENT" && file.endsWith("6")) return undefined;
    throw new DiscoveryError("unreadable", `Cannot read "${file}": ${code}`, { cause });
  }
}

function fieldsOf(line: string): readonly string[] {
  return line.trim().split(/\s+/);
}

function socketOf(fields: readonly string[]): ListeningSocket | undefined {
  const [, local = "", , , , , , uid = "", , inode = ""] = fields;
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
