import { afterAll, describe, expect, test } from "bun:test";
import http from "node:http";
import type { AppOptions } from "../../src/server/index.ts";
import { type Listener, loadRuntime } from "../../src/runtime/index.ts";
import { testApp } from "./app.ts";

const selfProfile: AppOptions["selfProfile"] = {
  cpu: () => Promise.reject(new Error("HEAD recorded a CPU profile")),
  heap: () => Promise.reject(new Error("HEAD took a memory profile")),
};
const listeners: Listener[] = [];

afterAll(() => Promise.all(listeners.map((listener) => listener.stop())));

async function listen(): Promise<number> {
  const { fetch } = testApp([], { selfProfile });
  const listener = await (await loadRuntime()).serve({ hostname: "127.0.0.1", port: 0, fetch });
  listeners.push(listener);
  return listener.port;
}

function ask(method: string, at: { port: number; path: string }): Promise<{ length?: string; bytes: number }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", method, ...at }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      const length = response.headers["content-length"];
      response.once("end", () => resolve({ bytes, ...(length !== undefined && { length }) }));
    });
    request.once("error", reject).end();
  });
}

describe("HEAD through the host's listener", () => {
  test.each(["/", "/-/ready", "/api/v0/targets", "/api/v0/nothing", "/debug/pprof/", "/debug/pprof/mutex"])(
    "of %s has the length that GET has",
    async (path) => {
      const port = await listen();
      const { bytes } = await ask("GET", { port, path });
      expect(bytes).toBeGreaterThan(0);
      expect(await ask("HEAD", { port, path })).toEqual({ length: String(bytes), bytes: 0 });
    },
  );

  test.each(["profile", "heap"])("of the %s profile has no length, as none is taken", async (name) => {
    expect(await ask("HEAD", { port: await listen(), path: `/debug/pprof/${name}` })).toEqual({ bytes: 0 });
  });
});
