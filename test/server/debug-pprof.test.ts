import { describe, expect, test } from "bun:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { type CpuProfileOptions, type SelfProfile, SelfProfileError } from "../../src/selfprofile/index.ts";
import { testApp } from "./app.ts";

const bytes = gzipSync("a profile");

function recorder(cpu: SelfProfile["cpu"] = () => Promise.resolve(bytes)) {
  const asked: CpuProfileOptions[] = [];
  const selfProfile: SelfProfile = {
    cpu(options) {
      asked.push(options);
      return cpu(options);
    },
    heap: () => Promise.resolve(bytes),
  };
  return { ...testApp([], { selfProfile }), asked };
}

describe("the CPU profile", () => {
  test.each([
    ["", 30],
    ["?seconds=14", 14],
    ["?seconds=240", 240],
    ["?seconds=5&tag=a&debug=0", 5],
  ])("with %p takes %i seconds", async (query, seconds) => {
    const { get, asked } = recorder();
    const response = await get(`/debug/pprof/profile${query}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
    expect(response.headers.get("Content-Disposition")).toBe('attachment; filename="profile.pb.gz"');
    expect(gunzipSync(await response.bytes()).toString()).toBe("a profile");
    expect(asked.map((options) => options.seconds)).toEqual([seconds]);
  });

  test.each(["0", "241", "-1", "1.5", "x", ""])("with seconds=%p is a 400 with a sentence", async (seconds) => {
    const { get, asked } = recorder();
    const response = await get(`/debug/pprof/profile?seconds=${seconds}`);
    expect(response.status).toBe(400);
    expect(response.headers.get("X-Go-Pprof")).toBe("1");
    expect(await response.text()).toBe(`Parameter "seconds" is a whole number from 1 to 240, not "${seconds}"\n`);
    expect(asked).toEqual([]);
  });

  test("while another one runs is a 500 with the words that scrapers know", async () => {
    const busy = new SelfProfileError("cpu_busy", "Cannot record a CPU profile: cpu profiling already in use");
    const response = await recorder(() => Promise.reject(busy)).get("/debug/pprof/profile");
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("cpu profiling already in use");
  });

  test("ends when the client goes", async () => {
    const gone = new AbortController();
    const { get, asked, log } = recorder(
      ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error))),
    );
    const pending = get("/debug/pprof/profile", { signal: gone.signal });
    gone.abort();
    expect((await pending).status).toBe(499);
    expect(asked[0]?.signal?.aborted).toBe(true);
    expect(log.lines).toEqual([]);
  });

  test("is not recorded for a HEAD request", async () => {
    const { get, asked } = recorder();
    expect((await get("/debug/pprof/profile", { method: "HEAD" })).status).toBe(200);
    expect(asked).toEqual([]);
  });
});

test.each(["heap", "allocs"])("the %s profile is served, with Go's parameters ignored", async (name) => {
  const response = await recorder().get(`/debug/pprof/${name}?gc=1&seconds=5`);
  expect(response.status).toBe(200);
  expect(await response.bytes()).toEqual(new Uint8Array(bytes));
});

test("a profile in text form is a 400 that names the tool", async () => {
  const response = await recorder().get("/debug/pprof/heap?debug=1");
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("go tool pprof");
});

test.each([
  ["/debug/pprof/block", "block"],
  ["/debug/pprof/mutex", "mutex"],
  ["/debug/pprof/goroutine", "goroutine"],
  ["/debug/pprof/threadcreate", "threadcreate"],
  ["/debug/fgprof?seconds=14", "fgprof"],
])("%s is a 404 that says why", async (path, name) => {
  const response = await recorder().get(path);
  expect(response.status).toBe(404);
  expect(await response.text()).toStartWith(
    `Cannot take a "${name}" profile: a JavaScript runtime has no such profile`,
  );
});

test.each(["/debug/pprof", "/debug/pprof/"])("%s lists what there is", async (path) => {
  const response = await recorder().get(path);
  expect(response.status).toBe(200);
  const text = await response.text();
  for (const name of ["profile?seconds=", "heap", "allocs"]) expect(text).toContain(`/debug/pprof/${name}`);
});
