import { statSync } from "node:fs";
import process from "node:process";
import type { HttpReason } from "./client.ts";

/** Why no connection can be made, and what to do; `text` goes on after "Cannot connect to X: ". */
export interface ConnectFailure {
  readonly reason: HttpReason;
  readonly text: string;
}

/**
 * What is wrong at the path of a unix socket; `undefined` where it is a socket, or nothing can be learned of it. The codes of a failed
 * connection do not tell: Linux has the same for a regular file and for a socket without a process.
 */
export function socketFileFailure(path: string): ConnectFailure | undefined {
  // There, stat knows no sockets.
  if (process.platform === "win32") return undefined;
  try {
    const file = statSync(path);
    if (file.isSocket()) return undefined;
    const kind = file.isDirectory() ? "a directory; name the socket in it" : "a file and no socket; check its path";
    return { reason: "refused", text: `this is ${kind}` };
  } catch (thrown) {
    return statFailures[(thrown as { code?: string }).code ?? ""];
  }
}

const statFailures: Readonly<Record<string, ConnectFailure>> = {
  ENOTDIR: { reason: "refused", text: "a part of its path is a file and no directory; check the path" },
  EACCES: {
    reason: "unreachable",
    text: "a directory on its path may not be entered; let the user that the agent runs as enter it (chmod +x)",
  },
};

/** What the code of a failed connection means where it leads to a unix socket. */
export const socketFailures: Readonly<Record<string, ConnectFailure>> = {
  ENOENT: { reason: "refused", text: "there is no such socket; check its path, and that the process runs" },
  ECONNREFUSED: { reason: "refused", text: "nobody listens there any more; check that the process runs" },
  ENOTSOCK: { reason: "refused", text: "this is no socket; check its path" },
  EACCES: { reason: "unreachable", text: "permission denied; let the user that the agent runs as write to it" },
};
