import { closeSync, openSync } from "node:fs";
import { arch, platform } from "node:process";
import type { FileLock } from "./runtime.ts";

const exclusiveNotWaiting = 2 | 4;

// EWOULDBLOCK: 11 on Linux, 35 on macOS.
const heldElsewhere = [11, 35];

/** flock(2) by bun:ffi, which has no part in node:fs. Half a millisecond and 1.3 MB at the first call (Bun 1.4.5). */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  const flock = await loadFlock();
  // Not a FileHandle, which would let go of the lock when nobody refers to it any more.
  const fd = openSync(path, "a", 0o600);
  const errno = flock(fd);
  if (errno === 0) return { release: async () => closeSync(fd) };
  closeSync(fd);
  if (heldElsewhere.includes(errno)) return undefined;
  throw new Error(`Cannot lock "${path}": flock failed with error number ${errno}; its file system may have no locks`);
}

/** Takes a file descriptor; gives 0, or the number of the system's error. */
type Flock = (fd: number) => number;

let loaded: Flock | undefined;

async function loadFlock(): Promise<Flock> {
  if (loaded) return loaded;
  const { dlopen, read } = await import("bun:ffi");
  const errnoName = platform === "darwin" ? "__error" : "__errno_location";
  const declared = {
    flock: { args: ["i32", "i32"], returns: "i32" },
    [errnoName]: { args: [], returns: "ptr" },
  } as const;
  let failure: unknown;
  for (const name of libraryNames()) {
    try {
      const { symbols } = dlopen(name, declared);
      const call = symbols.flock as (fd: number, operation: number) => number;
      const errnoAt = symbols[errnoName] as unknown as () => Parameters<typeof read.i32>[0];
      loaded = (fd) => (call(fd, exclusiveNotWaiting) === 0 ? 0 : read.i32(errnoAt()));
      return loaded;
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw new Error("Cannot lock files: the C library was not found", { cause: failure });
}

function libraryNames(): readonly string[] {
  if (platform === "darwin") return ["libSystem.dylib"];
  const musl = arch === "arm64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1";
  return ["libc.so.6", musl];
}
