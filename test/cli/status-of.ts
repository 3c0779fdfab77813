import { createServer } from "node:http";
import type { ComponentSnapshot } from "../../src/component/index.ts";
import { testApp } from "../server/app.ts";
import { component, type endpoint, nowMs } from "../server/snapshots.ts";
import { cli } from "../support/cli.ts";

/** An address where an agent in this state answers, below a path as behind a proxy. */
export async function serve(components: readonly ComponentSnapshot[], given: Parameters<typeof testApp>[1] = {}) {
  const app = testApp(components, given);
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/agent/, "");
    void app
      .get(path)
      .then((answer) => answer.text())
      .then((text) => response.end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/agent/`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

/** A configuration that was loaded. */
export const loaded = { hash: "0".repeat(64), generation: 1, loadedMs: nowMs - 90_000, needsRestart: [] };

/** A component that writes to these endpoints. */
export function writing(...endpoints: readonly ReturnType<typeof endpoint>[]) {
  return component({ id: "pyroscope.write.local", debugInfo: { endpoints } });
}

/** What `agent status` says of an agent in this state. */
export async function statusOf(
  components: readonly ComponentSnapshot[],
  given: Parameters<typeof testApp>[1] = {},
  ...flags: readonly string[]
) {
  await using server = await serve(components, given);
  return await cli("status", "--url", server.url, ...flags);
}
