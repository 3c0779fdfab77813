import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/base/index.ts";
import { watchFile } from "../../src/cli/watch-file.ts";
import { eventually } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";

interface Watched {
  readonly directory: string;
  /** What the file held at each reload. */
  readonly seen: readonly string[];
  readonly log: MemoryLog;
  /** Resolves once the last reload found this. */
  sees(content: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Lets `lay` put files into a directory and watches the one whose path it returns; the content in force is "one". */
function watching(
  lay: (directory: string) => string,
  clock: Clock = systemClock,
  inForce = { content: "one" },
): Watched {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-watch-"));
  const path = lay(directory);
  const stop = new AbortController();
  const seen: string[] = [];
  const hash = () => createHash("sha256").update(inForce.content).digest("hex");
  const log = createMemoryLog();
  const watch = watchFile(path, { hash, clock, log });
  const ended = watch(async () => void seen.push(contentOf(path)), stop.signal);
  return {
    directory,
    seen,
    log,
    async sees(content) {
      const found = await eventually(`"${content}" is seen`, () => seen.at(-1) === content || undefined, 8000).catch(
        () => false,
      );
      expect([found, seen]).toEqual([true, expect.arrayContaining([content])]);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? "";
  }
}

function plain(directory: string, content = "one"): string {
  const path = join(directory, "agent.toml");
  writeFileSync(path, content);
  return path;
}

/** A volume as Kubernetes lays it: the file is a link through `..data`, which is a link to a directory of its own for each version. */
function kubernetesVolume(directory: string): string {
  exchange(directory, "one");
  symlinkSync("..data/agent.toml", join(directory, "agent.toml"));
  return join(directory, "agent.toml");
}

function exchange(directory: string, content: string): void {
  const version = `..version_${content}`;
  mkdirSync(join(directory, version));
  writeFileSync(join(directory, version, "agent.toml"), content);
  symlinkSync(version, join(directory, "..data_tmp"));
  renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
}

describe("A watched file is reloaded", () => {
  test.concurrent("when it is written in place, each time", async () => {
    await using watched = watching((directory) => plain(directory));
    for (const content of ["two", "three"]) {
      writeFileSync(join(watched.directory, "agent.toml"), content);
      await watched.sees(content);
    }
    expect(watched.seen).toEqual(["two", "three"]);
  });

  test.concurrent("when another is renamed over it, each time", async () => {
    await using watched = watching((directory) => plain(directory));
    for (const content of ["two", "three"]) {
      writeFileSync(join(watched.directory, "new"), content);
      renameSync(join(watched.directory, "new"), join(watched.directory, "agent.toml"));
      await watched.sees(content);
    }
    expect(watched.seen).toEqual(["two", "three"]);
  });

  test.concurrent("when Kubernetes exchanges the directory behind ..data, each time", async () => {
    await using watched = watching(kubernetesVolume);
    for (const content of ["two", "three"]) {
      exchange(watched.directory, content);
      await watched.sees(content);
    }
    expect(watched.seen).toEqual(["two", "three"]);
  });

  test.concurrent("when the file that it links to in another directory is written", async () => {
    await using watched = watching((directory) => {
      mkdirSync(join(directory, "elsewhere"));
      symlinkSync(plain(join(directory, "elsewhere")), join(directory, "agent.toml"));
      return join(directory, "agent.toml");
    });
    for (const content of ["two", "three"]) {
      writeFileSync(join(watched.directory, "elsewhere", "agent.toml"), content);
      await watched.sees(content);
    }
  });

  test.concurrent("when it was written between the start and the watch", async () => {
    await using watched = watching((directory) => plain(directory, "two"));
    await watched.sees("two");
  });

  test.concurrent("when it goes, and when it comes back with what it held", async () => {
    await using watched = watching((directory) => plain(directory));
    rmSync(join(watched.directory, "agent.toml"));
    await watched.sees("ENOENT");
    plain(watched.directory);
    await watched.sees("one");
    expect(watched.seen).toEqual(["ENOENT", "one"]);
  });
});

describe("A watched file is not reloaded", () => {
  test.concurrent("where another has reloaded what it holds now", async () => {
    const clock = new FakeClock();
    const inForce = { content: "one" };
    await using watched = watching((directory) => plain(directory), clock, inForce);
    await looked(clock);
    plain(watched.directory, "two");
    inForce.content = "two";
    await looked(clock);
    expect(watched.seen).toEqual([]);
  });

  test.concurrent("for its neighbours, nor when what it holds is written again", async () => {
    const clock = new FakeClock();
    await using watched = watching((directory) => plain(directory), clock);
    await looked(clock);
    for (const write of [() => plain(watched.directory), () => writeFileSync(join(watched.directory, "x.toml"), "x")]) {
      write();
      await heard(clock);
      await looked(clock);
    }
    expect(watched.seen).toEqual([]);
    plain(watched.directory, "two");
    await heard(clock);
    await looked(clock);
    expect(watched.seen).toEqual(["two"]);
  });

  test.concurrent("while it is empty, which it is while somebody writes it", async () => {
    await using watched = watching((directory) => plain(directory));
    plain(watched.directory, "");
    await eventually("it looked", () => watched.log.messages("info").length > 0 || undefined);
    plain(watched.directory, "two");
    await watched.sees("two");
    expect(watched.seen).toEqual(["two"]);
  });

  test.concurrent("before it was left alone for half a second", async () => {
    const clock = new FakeClock();
    await using watched = watching((directory) => plain(directory), clock);
    await looked(clock);
    for (const content of ["[half", "[half of", "[half of it]"]) {
      plain(watched.directory, content);
      await heard(clock);
      await clock.advance(400);
    }
    expect(watched.seen).toEqual([]);
    await looked(clock);
    expect(watched.seen).toEqual(["[half of it]"]);
  });
});

/** Something happened in the directory: the half second of quiet begins anew. */
async function heard(clock: FakeClock): Promise<void> {
  await eventually("it is noticed", () => clock.nextMs === 500 || undefined);
}

/** Lets time pass until quiet came and the look after it is done: only the next one, half a minute from now, is waited for. */
async function looked(clock: FakeClock): Promise<void> {
  await eventually("it looked", async () => {
    if (clock.nextMs === 30_000) return true;
    // Again where an event came late and quiet began anew.
    await clock.advance(500);
    return undefined;
  });
}
