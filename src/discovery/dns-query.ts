import { randomInt } from "node:crypto";
import net from "node:net";
import type { Answer, DecodedPacket, OptAnswer, RecordType } from "dns-packet";

export interface DnsQuestion {
  readonly name: string;
  readonly type: RecordType;
}

export interface DnsServer {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

/** What a server says: `NOERROR` with records or without, `NXDOMAIN`, `SERVFAIL` and so on. */
export interface DnsAnswer {
  readonly code: string;
  readonly records: readonly Answer[];
  /** What it adds unasked: usually the addresses of hosts that the records name. */
  readonly additional: readonly Answer[];
}

/**
 * Asks one name server, over UDP and, where the answer does not fit (RFC 7766), over TCP. Rejects where no answer comes before `signal`
 * aborts, with its reason. Own code over dns-packet, because Deno's node:dns says ENOTFOUND of a server that failed as of a name that
 * does not exist: targets would go with every outage.
 */
export async function queryDns(question: DnsQuestion, server: DnsServer, signal: AbortSignal): Promise<DnsAnswer> {
  const answer = await ask(question, server, { signal, additionals: [edns] });
  return withoutEdns.has(answer.code) ? ask(question, server, { signal, additionals: [] }) : answer;
}

/** What passes every network in one piece. */
const udpPayloadSize = 1232;

const edns: OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize,
  flags: 0,
  extendedRcode: 0,
  ednsVersion: 0,
  flag_do: false,
  options: [],
};

/** What servers say to it that do not know it: RFC 6891, 7. */
const withoutEdns: ReadonlySet<string> = new Set(["FORMERR", "NOTIMP"]);

interface AskOnceOptions {
  readonly signal: AbortSignal;
  readonly additionals: Answer[];
}

async function ask(
  question: DnsQuestion,
  server: DnsServer,
  { signal, additionals }: AskOnceOptions,
): Promise<DnsAnswer> {
  const { decode, encode, RECURSION_DESIRED } = await import("dns-packet");
  const id = randomInt(65_536);
  const packet = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ ...question, class: "IN" }],
    additionals,
  });
  /** Anything else on the socket is somebody else's. */
  const answers = (bytes: Buffer): DecodedPacket | undefined => {
    const decoded = attempt(() => decode(bytes));
    return decoded?.id === id && decoded.type === "response" ? decoded : undefined;
  };
  const first = await overUdp({ packet, server, signal, answers });
  const whole = first.flag_tc ? await overTcp({ packet, server, signal, answers }) : first;
  // The types of the package lack the code, which decode gives.
  const { rcode } = whole as DecodedPacket & { readonly rcode: string };
  return { code: rcode, records: whole.answers ?? [], additional: whole.additionals ?? [] };
}

interface Exchange {
  readonly packet: Buffer;
  readonly server: DnsServer;
  readonly signal: AbortSignal;
  readonly answers: (bytes: Buffer) => DecodedPacket | undefined;
}

async function overUdp({ packet, server, signal, answers }: Exchange): Promise<DecodedPacket> {
  // Late, since it takes 3 MB.
  const dgram = await import("node:dgram");
  const socket = dgram.createSocket(net.isIPv6(server.host) ? "udp6" : "udp4");
  return untilAborted<DecodedPacket>(signal, (resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (bytes) => {
      const answer = answers(bytes);
      if (answer) resolve(answer);
    });
    // Connected, so that only this server is heard, and heard to refuse.
    socket.once("connect", () => signal.aborted || socket.send(packet));
    socket.connect(server.port, server.host);
  }).finally(() => socket.close());
}

function overTcp({ packet, server, signal, answers }: Exchange): Promise<DecodedPacket> {
  const socket = net.connect(server.port, server.host);
  return untilAborted<DecodedPacket>(signal, (resolve, reject) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    socket.on("connect", () => socket.write(Buffer.concat([length, packet])));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("it closed the connection without an answer")));
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = answers(received.subarray(2, 2 + received.readUInt16BE(0)));
      if (answer) resolve(answer);
      else reject(new Error("its answer over TCP is not one to the question"));
    });
  }).finally(() => socket.destroy());
}

function untilAborted<T>(
  signal: AbortSignal,
  start: (resolve: (value: T) => void, reject: (reason: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const settled = (): void => signal.removeEventListener("abort", onAbort);
    start(
      (value) => (settled(), resolve(value)),
      (reason) => (settled(), reject(reason)),
    );
  });
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
