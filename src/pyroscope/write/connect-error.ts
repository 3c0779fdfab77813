import { Buffer } from "node:buffer";
import { limits } from "../../base/index.ts";

const codes = [
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

/** The error codes of the Connect protocol (connectrpc.com/docs/protocol, "Error Codes"). */
export type ConnectCode = (typeof codes)[number];

export interface ConnectError {
  readonly code: ConnectCode;
  readonly message: string;
}

/**
 * The error of a Connect server: `{"code": "…", "message": "…"}`. `undefined` for any other body: then a proxy, a gateway or
 * something else altogether has answered.
 */
export function readConnectError(body: string): ConnectError | undefined {
  const { code, message } = parsed(body) ?? cut(body) ?? {};
  const known = codes.find((one) => one === code);
  return known && { code: known, message: typeof message === "string" ? message : "" };
}

function parsed(body: string): { code?: unknown; message?: unknown } | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined;
  }
}

// Pyroscope quotes whole label sets, so that the client may have cut the body in the middle of the message.
function cut(body: string): { code?: string; message?: string } | undefined {
  if (Buffer.byteLength(body) < limits.errorBodyBytes) return undefined;
  const match = /^\s*\{\s*"code"\s*:\s*"([a-z_]+)"\s*,\s*"message"\s*:\s*"(.*)$/s.exec(body);
  return match ? { code: match[1] as string, message: (match[2] as string).replaceAll('\\"', '"') } : undefined;
}
