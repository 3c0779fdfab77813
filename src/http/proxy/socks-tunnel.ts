import { once } from "node:events";
import type { Socket } from "node:net";
import type { SocksClient } from "socks";
import { AgentError, type Clock, formatDuration, hostPort, limits, preview } from "../../base/index.ts";
import type { HttpReason } from "../client.ts";
import type { Proxy } from "./proxies.ts";
import { proxyAddress } from "./proxy-address.ts";
import { closedError, tunnelError } from "./proxy-failure.ts";

export interface SocksTarget {
  readonly proxy: Proxy;
  /** Resolved by the proxy where it is a name. */
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
}

/** A field of SOCKS 5 announces its length in one byte. */
const maxFieldBytes = 255;

/** Asks a SOCKS 5 proxy over `socket` for a connection to the target (RFC 1928, RFC 1929). */
export async function askBySocks(socket: Socket, target: SocksTarget): Promise<void> {
  checkLengths(target);
  const { proxy, host, port } = target;
  const { username, password } = proxy;
  // Loaded late: most agents have no SOCKS proxy.
  const { SocksClient } = await import("socks");
  if (socket.destroyed) throw closedError();
  const client = new SocksClient({
    command: "connect",
    destination: { host, port },
    proxy: {
      ...proxyAddress(proxy),
      type: 5,
      ...(username !== undefined && { userId: username }),
      ...(password !== undefined && { password }),
    },
  });
  const greeting = greeted(socket, target);
  try {
    await Promise.race([negotiated(client, socket), greeting.failed]);
  } catch (thrown) {
    // Neither as it is nor as a cause: the library's error holds the password.
    throw thrown instanceof AgentError ? thrown : socksFailure(thrown as Error, target);
  } finally {
    greeting.stop();
  }
  await released(socket);
}

/**
 * A SOCKS proxy answers the greeting before it does anything else, and so at once; a server of another protocol may wait for more of
 * what it takes for a request. `failed` rejects where nothing or something else comes.
 */
function greeted(socket: Socket, { clock, ...target }: SocksTarget): { failed: Promise<never>; stop(): void } {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const fail = (why: string): void =>
    reject(tunnelError("protocol", { proxy: target.proxy, target: hostPort(target.host, target.port) }, why));
  const stop = (): void => {
    timer.cancel();
    socket.off("data", onData);
  };
  // One byte tells: the library waits for two.
  const onData = (chunk: Buffer): void => {
    stop();
    if (chunk[0] !== socksVersion) fail(`${foreign(chunk)}; ${checkUrl}`);
  };
  const timer = clock.after(limits.socksGreetingMs, () =>
    fail(`it does not answer in SOCKS 5 within ${formatDuration(limits.socksGreetingMs)}; ${checkUrl}`),
  );
  socket.on("data", onData);
  return { failed, stop };
}

const socksVersion = 5;
const checkUrl = "check port and scheme of its URL";

function foreign(chunk: Buffer): string {
  const start = preview(chunk.toString("latin1", 0, 256));
  return `it does not answer in SOCKS 5${start && ` but begins with "${start}"`}`;
}

function negotiated(client: SocksClient, socket: Socket): Promise<unknown> {
  const established = once(client, "established");
  client.connect(socket);
  return established;
}

/**
 * The library lets the socket flow right after the negotiation, and what then comes would be lost: it is caught and put back, and
 * the socket left as if nobody had read from it.
 */
async function released(socket: Socket): Promise<void> {
  const early: Buffer[] = [];
  const keep = (chunk: Buffer): void => void early.push(chunk);
  socket.on("data", keep);
  await new Promise((resolve) => setImmediate(resolve));
  socket.pause().off("data", keep);
  if (early.length > 0) socket.unshift(Buffer.concat(early));
}

function checkLengths({ proxy, host, port }: SocksTarget): void {
  const fields = { "host name": host, "user name": proxy.username, password: proxy.password };
  for (const [what, value = ""] of Object.entries(fields))
    if (Buffer.byteLength(value) > maxFieldBytes)
      throw tunnelError(
        "proxy",
        { proxy, target: preview(hostPort(host, port)) },
        `the ${what} is longer than the ${maxFieldBytes} bytes that SOCKS 5 can carry`,
      );
}

/** The library has no codes, only sentences: the part of each that tells it from the others, and what it means. */
const failures: readonly (readonly [part: string, reason: HttpReason, why: string])[] = [
  ["Authentication failed", "proxy", "it does not accept the user name and password; check those in its URL"],
  [
    "no accepted authentication",
    "proxy",
    'it asks for authentication; write user name and password in its URL, "user:password@" before the host',
  ],
  ["unknown authentication", "protocol", "it wants a kind of authentication that was not offered"],
  ["invalid socks version", "protocol", "it does not go on in SOCKS 5; check port and scheme of its URL"],
  ["timed out", "timeout", "it made no connection in time; check that the host is up, and its firewall"],
  ["NotAllowed", "proxy", "its rules do not allow it; check them"],
  ["NetworkUnreachable", "proxy", "the network is unreachable from there; check the address and the proxy's network"],
  [
    "HostUnreachable",
    "proxy",
    "the host is unreachable or unknown from there; check the address and the proxy's network",
  ],
  ["ConnectionRefused", "proxy", "connection refused; check that the process runs and listens there"],
  ["TTLExpired", "proxy", "the host does not reply; check that it is up, and that no firewall blocks the port"],
  ["CommandNotSupported", "proxy", "it makes no connections; check its configuration"],
  ["AddressNotSupported", "proxy", "it does not take this kind of address; try a host name"],
  ["rejected connection", "proxy", "it does not say why; check its log"],
];

/** The error for what the library threw; where those are not its own words, the connection broke. */
function socksFailure({ message }: Error, { proxy, host, port }: SocksTarget): Error {
  const [, reason, why] = failures.find(([part]) => message.includes(part)) ?? [];
  if (reason === undefined || why === undefined) return closedError();
  return tunnelError(reason, { proxy, target: hostPort(host, port) }, why);
}
