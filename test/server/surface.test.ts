import { describe, expect, test } from "bun:test";
import { createMetrics } from "../../src/observability/index.ts";
import { testApp } from "./app.ts";
import { component } from "./snapshots.ts";

describe("readiness and health", () => {
  test.each(["/", "/metrics", "/api/v0/targets", "/api/v0/profiles"])(
    "%s answers 400 where the Host header names no host, and logs nothing",
    async (path) => {
      const { fetch, log } = testApp([]);
      const request = new Request(`http://127.0.0.1${path}`);
      // What Bun makes of "Host: [".
      Object.defineProperty(request, "url", { value: `http://[${path}` });
      const answer = await fetch(request);
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("names no host")]);
      expect(log.lines).toEqual([]);
    },
  );

  test("ready answers 503 until the configuration runs, healthy answers for the process", async () => {
    let ready = false;
    const { get } = testApp([], { ready: () => ready });
    expect((await get("/-/ready")).status).toBe(503);
    expect(await (await testApp([], { ready: () => false, stopping: () => true }).get("/-/ready")).text()).toBe(
      "Not ready: stopping\n",
    );
    expect((await get("/-/healthy")).status).toBe(200);
    ready = true;
    expect((await get("/-/ready")).status).toBe(200);
  });

  test("an unhealthy component does not make the process unhealthy", async () => {
    const { get } = testApp([component({ id: "a.b.c", health: { state: "unhealthy", message: "x", updatedMs: 0 } })]);
    expect((await get("/-/healthy")).status).toBe(200);
  });
});

test("metrics are in the text format of Prometheus", async () => {
  const metrics = createMetrics();
  metrics.counter("agent_things_total", "Things.").inc(3);
  const response = await testApp([], { metrics }).get("/metrics");
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toContain("\nagent_things_total 3\n");
});

describe("every answer", () => {
  const paths = [
    "/",
    "/metrics",
    "/-/ready",
    "/api/v0/targets",
    "/api/v0/nothing",
    "/debug/pprof/",
    "/debug/pprof/mutex",
  ];

  test.each(paths)("%s forbids sniffing, storing, framing and script", async (path) => {
    const { headers } = await testApp([]).get(path);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Cache-Control")).toBe("no-store");
    const policy = headers.get("Content-Security-Policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(policy).not.toContain("script-src");
  });

  test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("to %s is 405 and says what is allowed", async (method) => {
    const response = await testApp([]).get("/api/v0/targets", { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe("GET, HEAD");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  });

  test("to HEAD has the headers of GET and no body", async () => {
    const { get } = testApp([]);
    const response = await get("/api/v0/targets", { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toContain("application/json");
    expect(await response.text()).toBe("");
  });
});

describe("an address that does not exist", () => {
  test("is a 404 in JSON below /api", async () => {
    const response = await testApp([]).get("/api/v0/profile");
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: 'Nothing at "/api/v0/profile"; "/" shows what is here' });
  });

  test("is a 404 in text elsewhere", async () => {
    const response = await testApp([]).get("/targets");
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('Nothing at "/targets"; "/" shows what is here\n');
  });
});

test("an error inside the agent is logged, and its text stays there", async () => {
  const { get, log } = testApp([], { components: failing });
  const response = await get("/api/v0/targets");
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("hunter2");
  expect(log.messages("error")).toEqual(["Could not answer a request"]);
});

function failing(): never {
  throw new Error("password=hunter2");
}
