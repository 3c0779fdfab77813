import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { runChild, startChild } from "../support/child.ts";

/** One request that the program answered below /debug/. */
export interface TargetRequest {
  readonly Path: string;
  readonly Query: string;
  /** What asked for it calls itself. */
  readonly Agent: string;
  readonly AtMs: number;
  readonly TookMs: number;
  readonly Status: number;
}

/** A running Go program with all its profile endpoints. */
export interface GoTarget {
  /** `127.0.0.1:port` */
  readonly address: string;
  requests(): Promise<TargetRequest[]>;
  /** What it answered to the first or the last request for a path. */
  answer(which: "first" | "last", path: string): Promise<Uint8Array>;
  /** Allocates `times` times `bytes` in `main.allocateExactly` and publishes it to the memory profile. */
  allocate(options: { bytes: number; times?: number }): Promise<void>;
  contend(times: number): Promise<void>;
  burn(ms: number): Promise<void>;
  /** What the runtime itself counts for `main.allocateExactly` since the start. */
  allocated(): Promise<{ Objects: number; Bytes: number }>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The `go` command, from $GO, the PATH or Go's usual place; `undefined` where there is none. */
export const goCommand = [
  process.env.GO,
  ...(process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, "go")),
  "/usr/local/go/bin/go",
].find((file) => file !== undefined && file !== "" && isExecutable(file));

if (goCommand === undefined) console.warn('Tests with a real Go program are skipped: no "go" command in $GO or $PATH');

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let built: Promise<string> | undefined;

/** Builds the program once per change of its sources and returns its path. */
export function buildGoTarget(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const source = join(import.meta.dirname, "go-target");
  const hash = createHash("sha256").update("static");
  for (const name of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(join(source, name)));
  const directory = join(tmpdir(), "pprof-agent-e2e");
  const file = join(directory, `go-target-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(file)) return file;
  mkdirSync(directory, { recursive: true });
  // Built beside and renamed, so that two test files at once never run half a program.
  const draft = `${file}.${process.pid}`;
  const result = await runChild([goCommand ?? "go", "build", "-o", draft, "."], {
    cwd: source,
    // Without libraries, so that it also runs where there is nothing but it: in a container.
    env: { CGO_ENABLED: "0" },
  });
  if (result.exit !== 0) throw new Error(`Cannot build the Go target:\n${result.stderr}`);
  renameSync(draft, file);
  return file;
}

/** Starts the program; `address` restarts it at the same place. With a `socketPath` it listens on that unix socket too. */
export async function startGoTarget(address = "127.0.0.1:0", socketPath?: string): Promise<GoTarget> {
  const socket = socketPath === undefined ? [] : ["-unix", socketPath];
  const child = startChild([await buildGoTarget(), "-addr", address, ...socket]);
  const [, bound = ""] = await child.waitFor(/^(\S+:\d+)$/m);
  const get = async (path: string): Promise<Response> => {
    const response = await fetch(`http://${bound}${path}`);
    if (!response.ok) throw new Error(`The Go target answered ${response.status} to ${path}`);
    return response;
  };
  const post = async (path: string): Promise<void> => {
    const response = await fetch(`http://${bound}${path}`, { method: "POST" });
    if (!response.ok) throw new Error(`The Go target answered ${response.status} to ${path}`);
  };
  const stop = async (): Promise<void> => {
    await child.stop("SIGKILL");
  };
  return {
    address: bound,
    requests: async () => (await (await get("/requests")).json()) as TargetRequest[],
    answer: async (which, path) => (await get(`/answers?which=${which}&path=${encodeURIComponent(path)}`)).bytes(),
    allocate: ({ bytes, times = 1 }) => post(`/control/allocate?bytes=${bytes}&times=${times}`),
    contend: (times) => post(`/control/contend?times=${times}`),
    burn: (ms) => post(`/control/burn?ms=${ms}`),
    allocated: async () => (await (await get("/control/memory")).json()) as { Objects: number; Bytes: number },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
