import { describe, expect, test } from "bun:test";
import { ClusterError } from "../../src/cluster/engine.ts";
import { Membership } from "../../src/cluster/membership.ts";
import { problemOf } from "../../src/cluster/state.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";

describe("The state of a member in words", () => {
  test.each(["kept", "alone", "stopped"] as const)("tells a refusal from silence: %s", (state) => {
    expect(problemOf(state, { heldBy: undefined })).toMatch(/does not answer|has not answered/);
    const refused = problemOf(state, { heldBy: undefined, refused: "what this agent asks" });
    expect(refused).toMatch(/refuse/);
    expect(refused).not.toContain("answer");
  });

  test("is that of a refusal where the engine answers, and with no", async () => {
    const [clock, log] = [new FakeClock(), createMemoryLog()];
    const membership = new Membership({
      nodeName: "a",
      ttlMs: 10_000,
      onEngineLoss: "keep",
      engineName: "etcd",
      openEngine: () => Promise.reject(new ClusterError("status", "It answered 403; ask for the right")),
      clock,
      log,
      metrics: createMetrics(),
    });
    const stop = new AbortController();
    const ended = membership.run(stop.signal, { url: "" });
    await clock.advance(15_000);
    expect(membership.snapshot()).toMatchObject({
      state: "alone",
      problem: "The engine has refused what this agent asks since the start: this agent scrapes every target",
    });
    stop.abort();
    await clock.advance(10_000);
    await ended;
  });
});
