import { AgentError, errorMessage } from "../base/index.ts";

/**
 * Why the disk could not be used; doubles as a metric's label. `locked`: another agent has the directory. `denied`: no permission.
 * `damaged`: a checksum is wrong. `newer_format`: written by a later version. `io`: everything else that the system says.
 */
export type StorageReason =
  | "locked"
  | "denied"
  | "read_only"
  | "disk_full"
  | "too_large"
  | "damaged"
  | "newer_format"
  | "closed"
  | "io";

/** What the storage room throws: what could not be done, with which path, why, and what to do. */
export class StorageError extends AgentError<StorageReason> {}

const causes: Readonly<Record<string, readonly [reason: StorageReason, cause: string]>> = {
  ENOSPC: ["disk_full", "the disk is full; make room on it, or lower max_disk"],
  EDQUOT: ["disk_full", "the disk quota of this user is used up; raise it, or lower max_disk"],
  EROFS: ["read_only", "the file system is read-only; mount it writable, or set another storage.path"],
  EACCES: ["denied", "this user has no permission; make the user of the agent the owner of storage.path"],
  EPERM: ["denied", "the system does not permit it; make the user of the agent the owner of storage.path"],
  ENOTDIR: ["io", "a part of the path is no directory; set another storage.path"],
  EEXIST: ["io", "something else of that name is there; move it away, or set another storage.path"],
  EISDIR: ["io", "it is a directory; move it away"],
  EMFILE: ["io", "the process has too many open files; raise its limit (ulimit -n)"],
  EIO: ["io", "the disk failed; look at the system's log"],
};

/** The error for what the system said about `path`; `doing` goes on after "Cannot": "write". */
export function storageError(thrown: unknown, { doing, path }: { doing: string; path: string }): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const [reason, cause] = causes[errorCode(thrown) ?? ""] ?? ["io", errorMessage(thrown)];
  return new StorageError(reason, `Cannot ${doing} "${path}": ${cause}`, { cause: thrown });
}

/** Whether the system said that there is no such file. */
export function isMissing(thrown: unknown): boolean {
  return errorCode(thrown) === "ENOENT";
}

/** Whether the system said that there is something in a directory. */
export function isNotEmpty(thrown: unknown): boolean {
  return ["ENOTEMPTY", "EEXIST"].includes(errorCode(thrown) ?? "");
}

/** Whether the system had no room for the call itself: nothing is wrong with the file. */
export function isExhausted(thrown: unknown): boolean {
  return ["ENOMEM", "EMFILE", "ENFILE", "EAGAIN"].includes(errorCode(thrown) ?? "");
}

/** Whether the disk could not give what is on it. */
export function isDiskFailure(thrown: unknown): boolean {
  return errorCode(thrown) === "EIO";
}

// Deno 2.9 leaves the code out of some errors of a FileHandle and has the system's number in the text only.
const numbers: Readonly<Record<string, string>> = {
  1: "EPERM",
  2: "ENOENT",
  5: "EIO",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  23: "ENFILE",
  24: "EMFILE",
  28: "ENOSPC",
  30: "EROFS",
  39: "ENOTEMPTY",
  122: "EDQUOT",
};

function errorCode(thrown: unknown): string | undefined {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  if (typeof code === "string") return code;
  const number = /\(os error (\d+)\)/.exec(String(message))?.[1];
  return number === undefined ? undefined : numbers[number];
}
