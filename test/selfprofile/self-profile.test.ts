import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { systemClock } from "../../src/base/index.ts";
import { validate } from "../../src/pprof/index.ts";
import type { HeapObjects } from "../../src/runtime/index.ts";
import { createSelfProfile } from "../../src/selfprofile/index.ts";
import { goCommand } from "../e2e/go-target.ts";
import { runChild } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** Keeps the processor busy under a name that a profile can be searched for. */
function busyForTests(untilMs: number): void {
  while (performance.now() < untilMs) JSON.stringify({ a: [1, 2, 3] });
}

describe("a CPU profile of this process", () => {
  test("is a valid pprof profile that names what ran", async () => {
    const profiling = createSelfProfile({ clock: systemClock }).cpu({ seconds: 1 });
    const work = setInterval(() => busyForTests(performance.now() + 40), 50);
    const data = await profiling.finally(() => clearInterval(work));
    const raw = gunzipSync(data);
    const info = validate(raw);
    expect(info.sampleTypes).toEqual([
      { type: "samples", unit: "count" },
      { type: "cpu", unit: "nanoseconds" },
    ]);
    expect(info.durationMs).toBeGreaterThanOrEqual(990);
    expect(info.samples).toBeGreaterThan(0);
    expect(raw.includes("busyForTests")).toBe(true);
    await expectTop(data, ["busyForTests", "Type: cpu"]);
  });

  test("is refused while another is recorded, and allowed again after it was given up", async () => {
    const clock = new FakeClock();
    const selfProfile = createSelfProfile({ clock });
    const gone = new AbortController();
    const first = selfProfile.cpu({ seconds: 10, signal: gone.signal });
    const second = selfProfile.cpu({ seconds: 10 });
    await expect(second).rejects.toMatchObject({ reason: "cpu_busy" });
    await expect(second).rejects.toThrow("cpu profiling already in use");
    gone.abort(new Error("client went away"));
    await expect(first).rejects.toThrow("client went away");
    expect(clock.pending).toBe(0);
    const third = selfProfile.cpu({ seconds: 1 });
    // The inspector answers in its own time; the profile ends once the clock has been turned past its second.
    const data = await turnedUntilDone(clock, third);
    expect(validate(gunzipSync(data)).durationMs).toBe(1000);
  });
});

describe("a memory profile from the runtime's heap hook", () => {
  const objects = [
    { name: "Array", count: 20, bytes: 2_000 },
    { name: "", count: 1, bytes: 50 },
  ];

  test("has objects and bytes in use by class, and nothing that the runtime does not know", async () => {
    const data = await createSelfProfile({ clock: new FakeClock(), heapObjects: known(objects) }).heap();
    const raw = gunzipSync(data);
    expect(validate(raw)).toMatchObject({
      samples: 2,
      sampleTypes: [
        { type: "inuse_objects", unit: "count" },
        { type: "inuse_space", unit: "bytes" },
      ],
    });
    expect(raw.includes("(anonymous)")).toBe(true);
    expect(raw.includes("alloc_")).toBe(false);
    await expectTop(data, ["Array", "Type: inuse_space"]);
  });

  test("leaves the bytes out where the runtime could only count", async () => {
    const counted = objects.map((one) => ({ ...one, bytes: 0 }));
    const data = await createSelfProfile({ clock: new FakeClock(), heapObjects: known(counted) }).heap();
    expect(validate(gunzipSync(data)).sampleTypes).toEqual([{ type: "inuse_objects", unit: "count" }]);
  });

  test("is taken at most every ten seconds, however many ask", async () => {
    const clock = new FakeClock();
    let walks = 0;
    const heapObjects = () => {
      walks++;
      return Promise.resolve(objects);
    };
    const selfProfile = createSelfProfile({ clock, heapObjects });
    await Promise.all([selfProfile.heap(), selfProfile.heap(), selfProfile.heap()]);
    await clock.advance(9_999);
    await selfProfile.heap();
    expect(walks).toBe(1);
    await clock.advance(1);
    await selfProfile.heap();
    expect(walks).toBe(2);
  });

  test("that failed is tried again at the next request", async () => {
    let failures = 1;
    const heapObjects = () =>
      failures-- > 0 ? Promise.reject(new Error("no memory for a snapshot")) : Promise.resolve(objects);
    const selfProfile = createSelfProfile({ clock: new FakeClock(), heapObjects });
    await expect(selfProfile.heap()).rejects.toThrow("no memory for a snapshot");
    expect(validate(gunzipSync(await selfProfile.heap())).samples).toBe(2);
  });
});

describe("a memory profile without a heap hook", () => {
  const onBun = process.versions.bun !== undefined;

  test.skipIf(onBun)("is sampled by V8 from the first request on", async () => {
    const clock = new FakeClock();
    const selfProfile = createSelfProfile({ clock });
    await selfProfile.heap();
    const kept = Array.from({ length: 200_000 }, (_, index) => ({ index, text: `kept ${index}` }));
    await clock.advance(10_000);
    const info = validate(gunzipSync(await selfProfile.heap()));
    expect(info.sampleTypes).toEqual([{ type: "inuse_space", unit: "bytes" }]);
    expect(info.samples).toBeGreaterThan(0);
    expect(kept).toHaveLength(200_000);
  });

  test.skipIf(!onBun)("is refused where the runtime cannot sample", async () => {
    const heap = createSelfProfile({ clock: new FakeClock() }).heap();
    await expect(heap).rejects.toMatchObject({ reason: "unavailable" });
  });
});

function known(objects: readonly HeapObjects[]): () => Promise<readonly HeapObjects[]> {
  return () => Promise.resolve(objects);
}

/** Turns the clock second by second, as often as it takes the other side to have set its timer. */
async function turnedUntilDone<T>(clock: FakeClock, pending: Promise<T>): Promise<T> {
  const done = new AbortController();
  void pending.finally(() => done.abort());
  while (!done.signal.aborted) await clock.advance(clock.pending > 0 ? 1000 : 0);
  return pending;
}

/** `go tool pprof -top` of a profile, where Go is installed. */
async function expectTop(profile: Uint8Array, words: readonly string[]): Promise<void> {
  if (goCommand === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), "self-profile-"));
  try {
    const file = join(directory, "profile.pb.gz");
    writeFileSync(file, profile);
    const command = [goCommand, "tool", "pprof", "-top", "-nodecount=1000", file];
    const { exit, stdout } = await runChild(command, { env: { PPROF_TMPDIR: directory } });
    expect(exit).toBe(0);
    for (const word of words) expect(stdout).toContain(word);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
