import type { Socket } from "node:net";
import { AgentError, formatSize, limits, preview } from "../../base/index.ts";
import type { HttpError } from "../client.ts";
import { connectRefusal } from "./connect-refusal.ts";
import type { Proxy } from "./proxies.ts";
import { proxyAuthorization, proxyName } from "./proxy-address.ts";
import { closedError, type TunnelRequest } from "./proxy-failure.ts";

/** Asks an HTTP proxy over `socket` for a connection to the target (RFC 9110, 9.3.6). */
export async function askByConnect(socket: Socket, request: TunnelRequest): Promise<void> {
  const { proxy, target } = request;
  const headers = connectHeaders(proxy, target);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`CONNECT ${target} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const { head, rest } = await readHead(socket, proxy);
  if (/^HTTP\/1\.[01] 2\d\d\b/.test(head)) {
    if (rest.length > 0) socket.unshift(rest);
    return;
  }
  const sentCredentials = headers.some(([name]) => isAuthorization(name));
  throw connectRefusal({ head, body: rest.toString("utf8") }, { ...request, sentCredentials });
}

/** The proxy's user name and password win over a configured header, as in Go; the target's name is not to be configured. */
function connectHeaders(proxy: Proxy, target: string): readonly (readonly [name: string, value: string])[] {
  const authorization = Object.entries(proxyAuthorization(proxy));
  const configured = Object.entries(proxy.connectHeaders)
    .filter(([name]) => name.toLowerCase() !== "host" && !(authorization.length > 0 && isAuthorization(name)))
    .flatMap(([name, values]) => [values].flat().map((value) => [name, value] as const));
  return [["Host", target], ...authorization, ...configured];
}

function isAuthorization(name: string): boolean {
  return name.toLowerCase() === "proxy-authorization";
}

interface Answer {
  /** Status line and headers. */
  readonly head: string;
  /** What came behind them. */
  readonly rest: Buffer;
}

function readHead(socket: Socket, proxy: Proxy): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let read: Buffer = Buffer.alloc(0);
    const end = (settle: () => void): void => {
      socket.off("readable", onReadable).off("error", onError).off("close", onClose);
      settle();
    };
    const onError = (error: Error): void => end(() => reject(error));
    const onClose = (): void => onError(closedError());
    // Not by "data": a socket that was paused once starts no more by itself for whoever has it next.
    const onReadable = (): void => {
      for (let chunk: Buffer | null; (chunk = socket.read() as Buffer | null) !== null; ) {
        read = Buffer.concat([read, chunk]);
        const headEnd = read.indexOf("\r\n\r\n");
        const problem = headProblem(read, headEnd, proxyName(proxy));
        if (problem) return onError(problem);
        if (headEnd < 0) continue;
        const answer = { head: read.toString("latin1", 0, headEnd), rest: read.subarray(headEnd + 4) };
        return end(() => resolve(answer));
      }
    };
    socket.on("readable", onReadable).once("error", onError).once("close", onClose);
    if (socket.destroyed) onClose();
  });
}

const httpStart = "HTTP/1.";
// The first two bytes of a TLS alert, which is how a TLS server answers plain HTTP.
const tlsAlert = "\u0015\u0003";

function headProblem(read: Buffer, headEnd: number, proxy: string): HttpError | undefined {
  const start = read.toString("latin1", 0, 256);
  if (start.startsWith(tlsAlert))
    return new AgentError(
      "protocol",
      `Cannot talk plain http to the proxy "${proxy}": it speaks TLS; set the scheme of its URL to https`,
    );
  if (!start.startsWith(httpStart.slice(0, start.length)))
    return new AgentError(
      "protocol",
      `The answer from the proxy "${proxy}" is not HTTP but begins with "${preview(start)}"; check port and scheme of its URL`,
    );
  if ((headEnd < 0 ? read.length : headEnd) > limits.responseHeaderBytes)
    return new AgentError(
      "too_large",
      `The response headers from the proxy "${proxy}" are larger than the limit of ${formatSize(limits.responseHeaderBytes)}`,
    );
  return undefined;
}
