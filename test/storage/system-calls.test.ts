import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const works = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
if (!works) console.warn("Tests of the order of system calls are skipped: no strace, or no ptrace here");
const traced = "fsync,fdatasync,write,pwrite64,writev,pwritev,pwritev2,rename,renameat,renameat2";
const runScript = process.versions["deno"] ? [process.execPath, "run", "-A", "--no-check"] : [process.execPath];

/** What one run asked of the system within its directory, in the order in which it was done, and what it promised in between. */
function systemCalls(): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), "system-calls-"));
  try {
    const [path, output] = [join(root, "data"), join(root, "trace")];
    const script = join(import.meta.dirname, "keep-something.ts");
    const { status } = spawnSync("strace", [
      "-f",
      "-y",
      "-s",
      "40",
      "-e",
      `trace=${traced}`,
      "-o",
      output,
      ...runScript,
      script,
      path,
    ]);
    expect(status).toBe(0);
    return finished(readFileSync(output, "utf8")).flatMap((call) => shown(call, path) ?? []);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Every call where it came back: those of several threads overlap. */
function finished(trace: string): string[] {
  const begun = new Map<string, string>();
  return trace.split("\n").flatMap((line) => {
    const [, thread = "", call = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (call.endsWith("<unfinished ...>")) {
      begun.set(thread, call);
      return [];
    }
    return /^<\.\.\. \w+ resumed>/.test(call) ? (begun.get(thread) ?? []) : call;
  });
}

function shown(call: string, path: string): string | undefined {
  const promised = /"promised: ([\w ]+)/.exec(call)?.[1];
  if (promised !== undefined) return `promised: ${promised}`;
  const [, name = "", file = ""] = /^(\w+)\((?:.*?)(?:<|")([^>"]*)/.exec(call) ?? [];
  if (!file.startsWith(path) || file.endsWith("/lock")) return undefined;
  const what = name.includes("write") ? "write" : name.includes("sync") ? "sync" : "rename";
  return `${what} ${file.slice(path.length + 1) || "."}`;
}

describe.skipIf(!works)("What the system is asked to do", () => {
  test("comes before what is promised for it", () => {
    const folder = "spool/pyroscope.write.staging";
    const segment = `${folder}/0000000000000001.log`;
    const journal = `${folder}/0000000000000001.settled`;
    const calls = systemCalls();
    const expected = [
      [`write ${segment}`, `sync ${segment}`, `sync ${folder}`, "promised: first record"],
      [`write ${segment}`, `sync ${segment}`, "promised: second record"],
      [`write ${journal}`, `sync ${journal}`, `sync ${folder}`, "promised: settled"],
      ["write file~", "sync file~", "rename file~", "sync .", "promised: file"],
    ];
    expect(calls.slice(calls.indexOf(`write ${segment}`))).toEqual(expected.flat());
    // The directories that were made for the segment are named safely before.
    expect(calls.slice(0, calls.indexOf(`write ${segment}`))).toEqual(["sync spool", "sync ."]);
  }, 30_000);
});
