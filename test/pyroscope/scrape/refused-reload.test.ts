import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createScrapeKind, createSharedScrapeState } from "../../../src/pyroscope/scrape/index.ts";
import { testContext } from "../../support/context.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { recording } from "../../support/recordings.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

test("A component that takes its arguments back, because another refused its own, keeps its connections", async () => {
  let [connections, asked] = [0, 0];
  const server = createServer((_request, response) => {
    asked++;
    response.end(recording("goroutine", 1));
  }).on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const clock = new FakeClock();
  const off = { enabled: false };
  const written = {
    targets: [{ __address__: `127.0.0.1:${(server.address() as AddressInfo).port}` }],
    profiling_config: { profile: { process_cpu: off, memory: off, block: off, mutex: off } },
  };
  const before = parseScrapeArguments(written);
  const receivers = new Map([["pyroscope.write.test", { append: async () => {} }]]);
  const component = createScrapeKind(createSharedScrapeState(clock)).create(before, testContext({ clock, receivers }));
  const stop = new AbortController();
  const ended = component.run(stop.signal);
  const untilAsked = async (times: number): Promise<void> => {
    const isDone = (): boolean => asked >= times;
    for (let step = 0; step < 3000 && !isDone(); step++) {
      await clock.advance(100);
      await settle();
    }
    expect(isDone()).toBe(true);
  };
  try {
    await untilAsked(1);
    component.applyConfig(parseScrapeArguments({ ...written, bearer_token: "another" }));
    component.applyConfig(before);
    await untilAsked(3);
    expect(connections).toBe(1);
    component.applyConfig(parseScrapeArguments({ ...written, bearer_token: "another" }));
    await untilAsked(5);
    expect(connections).toBe(2);
  } finally {
    stop.abort();
    await ended;
    server.closeAllConnections();
    server.close();
  }
});
