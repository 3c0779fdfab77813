import { AgentError, errorMessage, formatDuration, formatSize, limits, preview } from "../base/index.ts";
import type { HttpError, HttpReason } from "./client.ts";
import { socketFailures, socketFileFailure } from "./socket-failure.ts";
import { tlsFailure } from "./tls/tls-failures.ts";
import { formatUnixUrl } from "./unix-url.ts";

/** How far a request had come when it failed. */
export interface Progress {
  readonly url: URL;
  /** The unix socket that `url` is asked for at. */
  readonly socketPath?: string;
  /** The proxy on the way, as `host:port`. */
  readonly via?: string;
  readonly stage: "connecting" | "handshaking" | "waiting" | "reading";
  readonly bodyBytes: number;
  /** The body is taken as it comes: the deadline is that of a silence. */
  readonly isStream?: boolean;
}

/** `host:port` with the port spelled out, as it stands in messages; never userinfo, path or query. */
export function hostOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
}

/** The error for a request that its deadline or its signal ended. */
export function interruptedError(reason: "timeout" | "canceled", progress: Progress, timeoutMs: number): HttpError {
  const host = shownHost(progress);
  if (reason === "canceled") return new AgentError(reason, `Canceled the request to ${host}`);
  const within = `within ${formatDuration(timeoutMs)}`;
  const silent = progress.via === undefined ? "the host is" : "host and proxy are";
  const messages: Readonly<Record<Progress["stage"], string>> = {
    connecting: `Cannot connect to ${host} ${within}; check that ${silent} up, and that no firewall blocks the port`,
    handshaking: `Cannot make a TLS connection to ${host} ${within}: connected, but the TLS handshake did not end; check that the port speaks TLS`,
    waiting: `No answer from ${host} ${within}: connected, but no response came`,
    reading: progress.isStream
      ? `Nothing came from ${host} ${within}: ${counted(progress.bodyBytes)} of the body had come before`
      : `The body from ${host} was not complete ${within}: ${counted(progress.bodyBytes)} had come`,
  };
  return new AgentError(reason, messages[progress.stage]);
}

/** The error for a body that is longer than the request allows. */
export function tooLargeError(progress: Progress, maxBytes: number): HttpError {
  return new AgentError(
    "too_large",
    `The body from ${shownHost(progress)} is larger than the limit of ${formatSize(maxBytes)}`,
  );
}

/** The error for a server that goes on in another protocol (RFC 9110, 15.2.2). */
export function switchedProtocolsError(progress: Progress): HttpError {
  return new AgentError(
    "protocol",
    `The answer from ${shownHost(progress)} is 101 Switching Protocols, for which nobody asked; check that this is the right port`,
  );
}

/** The error for a body that ended in order, but too early. */
export function truncatedError(progress: Progress, announcedBytes: number | undefined): HttpError {
  const announced = announcedBytes === undefined ? "its last chunk was missing" : `${announcedBytes} were announced`;
  return new AgentError(
    "truncated",
    `The body from ${shownHost(progress)} ended early: ${counted(progress.bodyBytes)} came, ${announced}`,
  );
}

/** The error for what node:http, node:https or node:tls threw or emitted; what is explained already stays as it is. */
export function transportError(thrown: unknown, progress: Progress): HttpError {
  if (thrown instanceof AgentError) return thrown as HttpError;
  const { code: given, rawPacket } = thrown as { code?: unknown; rawPacket?: Uint8Array };
  // A DOMException has a number there.
  const code = typeof given === "string" ? given : "";
  const { reason, text } = explanation(code, progress, rawPacket) ?? {
    reason: "protocol",
    text: `Cannot talk to ${shownHost(progress)}: ${preview(errorMessage(thrown), 200)}`,
  };
  return new AgentError(reason, text, { cause: thrown });
}

interface Explanation {
  readonly reason: HttpReason;
  readonly text: string;
}

function explanation(code: string, progress: Progress, rawPacket?: Uint8Array): Explanation | undefined {
  const host = shownHost(progress);
  const failed = socketFailure(code, progress) ?? connectFailures[code];
  if (failed && progress.stage !== "reading")
    return { reason: failed.reason, text: `Cannot connect to ${firstHost(progress)}: ${failed.text}` };
  if (code in nameFailures)
    return { reason: "dns", text: `Cannot find ${firstHost(progress)}: ${nameFailures[code]} (${code})` };
  // A connection in use may break for any of the reasons that keep one from being made.
  if (failed || hangUps.has(code)) return hungUp(progress);
  if (code === "HPE_HEADER_OVERFLOW")
    return {
      reason: "too_large",
      text: `The response headers from ${host} are larger than the limit of ${formatSize(limits.responseHeaderBytes)}`,
    };
  if (code.startsWith("HPE_")) return notHttp(progress, rawPacket);
  const tls = tlsFailure(code);
  // A request in plain http meets TLS at its proxy only.
  const peer = progress.url.protocol === "http:" ? firstHost(progress) : host;
  return tls === undefined ? undefined : { reason: "tls", text: `Cannot make a TLS connection to ${peer}: ${tls}` };
}

function socketFailure(code: string, { socketPath, stage }: Progress): Explanation | undefined {
  if (socketPath === undefined) return undefined;
  return (stage === "reading" ? undefined : socketFileFailure(socketPath)) ?? socketFailures[code];
}

const connectFailures: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: {
    reason: "refused",
    text: "connection refused; check that the process runs and listens there",
  },
  ETIMEDOUT: {
    reason: "timeout",
    text: "the host does not reply; check that it is up, and that no firewall blocks the port",
  },
  EHOSTUNREACH: { reason: "unreachable", text: "no route to the host; check the address and this machine's network" },
  EHOSTDOWN: { reason: "unreachable", text: "the host is down; check the address" },
  ENETUNREACH: {
    reason: "unreachable",
    text: "the network is unreachable; check the address and this machine's network",
  },
  ENETDOWN: { reason: "unreachable", text: "this machine's network is down" },
  EADDRNOTAVAIL: { reason: "unreachable", text: "no local address or port is free for the connection" },
  EACCES: { reason: "unreachable", text: "this machine forbids the connection; check its firewall" },
  EPERM: { reason: "unreachable", text: "this machine forbids the connection; check its firewall" },
  EINVAL: { reason: "unreachable", text: "no connection to this address is possible; check the address" },
  EMFILE: { reason: "unreachable", text: "this process has too many open files; raise its limit (ulimit -n)" },
  ENFILE: { reason: "unreachable", text: "this machine has too many open files; raise its limit" },
};

const nameFailures: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host name; check the name and this machine's DNS",
  ENODATA: "the host name has no address; check the name",
  EAI_AGAIN: "the name server did not answer; check this machine's DNS",
  EAI_FAIL: "the name server failed; check this machine's DNS",
  EAI_NODATA: "the host name has no address; check the name",
  EAI_NONAME: "no such host name; check the name and this machine's DNS",
};

// The last is Bun's word for a connection closed during the TLS handshake.
const hangUps: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ERR_SOCKET_CLOSED"]);

/** Whether what node:http emitted says that the peer closed or reset the connection. */
export function isHangUp(thrown: unknown): boolean {
  return hangUps.has((thrown as { code?: string }).code ?? "");
}

function hungUp(progress: Progress): Explanation {
  const host = shownHost(progress);
  const { stage, bodyBytes, url } = progress;
  if (stage === "reading")
    return { reason: "reset", text: `Lost the connection to ${host} after ${counted(bodyBytes)} of the body` };
  const other = url.protocol === "https:" ? "http" : "https";
  const when = stage === "handshaking" ? " during the TLS handshake" : "";
  // A server that wants a certificate of the client may hang up before its words are read.
  const orWants = url.protocol === "https:" ? ", or the server wants a client certificate" : "";
  const orWhat = progress.socketPath === undefined ? `, or the port speaks ${other}${orWants}` : "";
  const advice = `check whether the process restarted${orWhat}`;
  return { reason: "reset", text: `No answer from ${host}: it closed the connection${when}; ${advice}` };
}

// The first two bytes of a TLS alert, which is how a TLS server answers plain HTTP.
const tlsAlert = [0x15, 0x03];

function notHttp(progress: Progress, rawPacket: Uint8Array | undefined): Explanation {
  const host = shownHost(progress);
  if (rawPacket && tlsAlert.every((byte, at) => rawPacket[at] === byte))
    return { reason: "protocol", text: `Cannot talk plain http to ${host}: it speaks TLS; set the scheme to https` };
  if (progress.stage === "reading")
    return { reason: "protocol", text: `The body from ${host} is not well-formed HTTP` };
  const start = rawPacket && preview(Buffer.from(rawPacket.subarray(0, 256)).toString("latin1"));
  const found = start ? ` but begins with "${start}"` : "";
  return { reason: "protocol", text: `The answer from ${host} is not HTTP${found}; check that this is the right port` };
}

/** Where a request goes, as it stands in messages: a unix socket, or `host:port`. */
export function nameOf({ url, socketPath }: { readonly url: URL; readonly socketPath?: string | undefined }): string {
  return socketPath === undefined ? hostOf(url) : formatUnixUrl(socketPath);
}

/** The host in quotes, and by which way it is asked. */
function shownHost(progress: Progress): string {
  const { url, socketPath, via } = progress;
  if (socketPath !== undefined) return `"${nameOf(progress)}"`;
  return via === undefined ? quoted(url) : `${quoted(url)} through the proxy "${via}"`;
}

/** Whom the connection is made to: the proxy, where there is one. */
function firstHost(progress: Progress): string {
  const { url, via } = progress;
  return via === undefined ? shownHost(progress) : `the proxy "${via}" on the way to ${quoted(url)}`;
}

function counted(bytes: number): string {
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}

function quoted(url: URL): string {
  return `"${hostOf(url)}"`;
}
