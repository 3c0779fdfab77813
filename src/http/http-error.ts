import { AgentError, errorMessage, formatDuration, limits, preview } from "../base/index.ts";
import type { HttpError, HttpReason } from "./client.ts";

/** How far a request had come when it failed. */
export interface Progress {
  readonly url: URL;
  readonly stage: "connecting" | "waiting" | "reading";
  readonly bodyBytes: number;
}

/** `host:port` with the port spelled out, as it stands in messages; never userinfo, path or query. */
export function hostOf(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
}

/** The error for a request that its deadline or its signal ended. */
export function interruptedError(reason: "timeout" | "canceled", progress: Progress, timeoutMs: number): HttpError {
  const host = hostOf(progress.url);
  if (reason === "canceled") return new AgentError(reason, `Canceled the request to "${host}"`);
  const within = `within ${formatDuration(timeoutMs)}`;
  const messages: Readonly<Record<Progress["stage"], string>> = {
    connecting: `Cannot connect to "${host}" ${within}; is the host up, and does a firewall let this port through?`,
    waiting: `No answer from "${host}" ${within}: connected, but no response came`,
    reading: `The body from "${host}" was not complete ${within}: ${progress.bodyBytes} bytes had come`,
  };
  return new AgentError(reason, messages[progress.stage]);
}

/** The error for a body that is longer than the request allows. */
export function tooLargeError(url: URL, maxBytes: number): HttpError {
  return new AgentError("too_large", `The body from "${hostOf(url)}" is larger than the limit of ${maxBytes} bytes`);
}

/** The error for a body that ended in order, but too early. */
export function truncatedError({ url, bodyBytes }: Progress, announcedBytes: number | undefined): HttpError {
  const announced = announcedBytes === undefined ? "its last chunk was missing" : `${announcedBytes} were announced`;
  return new AgentError(
    "truncated",
    `The body from "${hostOf(url)}" ended early: ${bodyBytes} bytes came, ${announced}`,
  );
}

/** The error for what node:http or node:https threw or emitted. */
export function transportError(thrown: unknown, progress: Progress): HttpError {
  const { code = "", rawPacket } = thrown as { code?: string; rawPacket?: Uint8Array };
  const { reason, text } = explanation(code, progress, rawPacket) ?? {
    reason: "protocol",
    text: `Cannot talk to ${quoted(progress.url)}: ${preview(errorMessage(thrown), 200)}`,
  };
  return new AgentError(reason, text, { cause: thrown });
}

interface Explanation {
  readonly reason: HttpReason;
  readonly text: string;
}

function explanation(code: string, progress: Progress, rawPacket?: Uint8Array): Explanation | undefined {
  const host = quoted(progress.url);
  const failed = connectFailures[code];
  if (failed && progress.stage !== "reading")
    return { reason: failed.reason, text: `Cannot connect to ${host}: ${failed.text}` };
  if (code in nameFailures) return { reason: "dns", text: `Cannot find ${host}: ${nameFailures[code]} (${code})` };
  // A connection in use may break for any of the reasons that keep one from being made.
  if (failed || hangUps.has(code)) return hungUp(progress);
  if (code === "HPE_HEADER_OVERFLOW")
    return {
      reason: "too_large",
      text: `The response headers from ${host} are larger than the limit of ${limits.responseHeaderBytes} bytes`,
    };
  if (code.startsWith("HPE_")) return notHttp(progress, rawPacket);
  return tlsFailure(code, progress);
}

const connectFailures: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: {
    reason: "refused",
    text: "connection refused; is the process running and listening on this port?",
  },
  ETIMEDOUT: {
    reason: "timeout",
    text: "the host does not reply; is it up, and does a firewall let this port through?",
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

function hungUp({ url, stage, bodyBytes }: Progress): Explanation {
  const host = quoted(url);
  if (stage === "reading")
    return { reason: "reset", text: `${host} cut the connection after ${bodyBytes} bytes of the body` };
  const other = url.protocol === "https:" ? "http" : "https";
  return {
    reason: "reset",
    text: `${host} closed the connection without an answer; did the process restart, or does this port speak ${other}?`,
  };
}

// The first two bytes of a TLS alert, which is how a TLS server answers plain HTTP.
const tlsAlert = [0x15, 0x03];

function notHttp({ url, stage }: Progress, rawPacket: Uint8Array | undefined): Explanation {
  const host = quoted(url);
  if (rawPacket && tlsAlert.every((byte, at) => rawPacket[at] === byte))
    return { reason: "protocol", text: `${host} speaks TLS and was asked in plain http; set the scheme to https` };
  if (stage === "reading") return { reason: "protocol", text: `The body from ${host} is not well-formed HTTP` };
  const start = rawPacket && preview(Buffer.from(rawPacket.subarray(0, 256)).toString("latin1"));
  return {
    reason: "protocol",
    text: `${host} does not answer in HTTP${start ? ` but with "${start}"` : ""}; is this the right port?`,
  };
}

const certificateFailures: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; is this machine's clock right?",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed and not trusted here",
  SELF_SIGNED_CERT_IN_CHAIN: "the root of its certificate chain is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT: "the issuer of its certificate is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the issuer of its certificate is not trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the issuer of its certificate is not known here; does it send the whole chain?",
  CERT_REVOKED: "its certificate is revoked",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  EPROTO: "it does not speak TLS as it should; does this port speak plain http?",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS; does this port speak plain http?",
  ERR_SSL_HTTP_REQUEST: "it does not speak TLS; does this port speak plain http?",
};

function tlsFailure(code: string, { url }: Progress): Explanation | undefined {
  const known = certificateFailures[code];
  if (!known && !/^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO_|HOSTNAME_)/.test(code)) return undefined;
  return { reason: "tls", text: `Cannot make a TLS connection to ${quoted(url)}: ${known ?? code}` };
}

function quoted(url: URL): string {
  return `"${hostOf(url)}"`;
}
