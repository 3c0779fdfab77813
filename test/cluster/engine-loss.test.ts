import { describe, expect, test } from "bun:test";
import { addresses, Agents, exactlyOne, owners, type Running, ttlMs } from "./agents.ts";

describe("While the engine does not answer, a member", () => {
  test('keeps its share with on_engine_loss = "keep", and nothing moves when the engine is back', async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    const before = [a.owned(), b.owned()];
    agents.engines.failures.set("*", "unreachable");
    await agents.clock.advance(60_000);
    expect([a.owned(), b.owned()]).toEqual(before);
    expect(a.state()).toBe("kept");
    expect(agents.clock.now() - (a.membership.snapshot().lastAnswerMs ?? 0)).toBeGreaterThan(58_000);
    let moves = 0;
    for (const agent of [a, b]) agent.membership.subscribe(() => (moves += 1));
    agents.engines.failures.clear();
    await agents.clock.advance(60_000);
    expect([a.owned(), b.owned(), moves]).toEqual([...before, 0]);
    expect(a.membership.snapshot()).toMatchObject({ state: "member", engineUp: true });
  });

  test("gives up one that does not come back with it, a ttl later", async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    agents.engines.failures.set("*", "unreachable");
    await agents.clock.advance(30_000);
    await b.kill();
    agents.engines.failures.delete("*");
    await agents.clock.advance(5000);
    expect(a.owned().length).toBeLessThan(addresses.length);
    await agents.clock.advance(ttlMs);
    expect(a.owned()).toEqual(addresses);
  });

  test('owns nothing once its ttl has passed with on_engine_loss = "stop"', async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a", "stop"), agents.start("b")];
    await agents.clock.advance(5000);
    agents.engines.failures.set("a", "unreachable");
    await agents.clock.advance(5000);
    expect(a.owned().length).toBeGreaterThan(0);
    await agents.clock.advance(5000);
    expect(a.owned()).toEqual([]);
    await agents.clock.advance(2000);
    expect(owners(a, b)).toEqual(exactlyOne);
    expect(a.membership.snapshot()).toMatchObject({ state: "stopped", engineUp: false });
  });

  test("that was just started waits for a ttl and then scrapes every target, or none", async () => {
    await using agents = new Agents();
    agents.engines.failures.set("*", "unreachable");
    const [keeps, stops] = [agents.start("a"), agents.start("b", "stop")];
    await agents.clock.advance(9000);
    expect([keeps.owned(), stops.owned()]).toEqual([[], []]);
    await agents.clock.advance(2000);
    expect([keeps.owned(), stops.owned()]).toEqual([addresses, []]);
    expect([keeps.state(), stops.state()]).toEqual(["alone", "stopped"]);
    agents.engines.failures.clear();
    await agents.clock.advance(2000);
    expect(owners(keeps, stops)).toEqual(exactlyOne);
  });

  test.each([
    ["keep", "kept"],
    ["stop", "stopped"],
  ] as const)(
    'that gets answers only when they no longer hold is lost (on_engine_loss = "%s")',
    async (loss, state) => {
      await using agents = new Agents();
      const a = agents.start("a", loss);
      agents.start("b");
      await agents.clock.advance(5000);
      const before = a.owned();
      agents.engines.answerMs = (ttlMs * 3) / 4;
      await agents.clock.advance(6 * ttlMs);
      expect([a.state(), a.owned()]).toEqual([state, state === "kept" ? before : []]);
      expect(a.membership.snapshot()).toMatchObject({
        engineUp: false,
        lastError: expect.stringContaining("The engine took longer than 5s, half of the ttl, to answer"),
      });
      expect(await a.metrics.text()).toMatch(/^cluster_engine_failures_total\{reason="late"\} [1-9]/m);
    },
  );

  test("ends what the engine does not answer after half of the ttl", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    await agents.clock.advance(5000);
    agents.engines.failures.set("*", "silent");
    await agents.clock.advance(ttlMs / 10 + ttlMs / 2);
    expect(a.membership.snapshot()).toMatchObject({ engineUp: false, lastError: expect.stringContaining("than 5s") });
  });

  test.each([6000, 6500, 7000, 7500, 8000, 8500, 9000, 9500, 9900, 10_500])(
    "keeps its share as well as all others, for %d ms and after",
    async (outageMs) => {
      await using agents = new Agents();
      agents.engines.looksPerTtl = 6;
      const all: Running[] = [];
      for (const name of ["a", "b", "c"]) {
        all.push(agents.start(name));
        await agents.clock.advance(700);
      }
      await agents.clock.advance(20_000);
      const before = all.map((agent) => agent.owned());
      let moves = 0;
      for (const { membership } of all) membership.subscribe(() => (moves += 1));
      agents.engines.failures.set("*", "unreachable");
      await agents.clock.advance(outageMs);
      agents.engines.failures.clear();
      await agents.clock.advance(3 * ttlMs);
      expect([all.map((agent) => agent.owned()), moves]).toEqual([before, 0]);
    },
  );

  test("gives up one that was killed within less than a ttl of outage, a ttl after it", async () => {
    await using agents = new Agents();
    const [a, b, c] = [agents.start("a"), agents.start("b"), agents.start("c")];
    await agents.clock.advance(5000);
    agents.engines.failures.set("*", "unreachable");
    await agents.clock.advance(1000);
    await c.kill();
    await agents.clock.advance(7000);
    agents.engines.failures.delete("*");
    await agents.clock.advance(ttlMs * 1.5);
    expect(owners(a, b)).toEqual(exactlyOne);
  });

  test.each([
    { looksPerTtl: 6, answerMs: 0.25 * ttlMs },
    { looksPerTtl: 3, answerMs: 0.22 * ttlMs },
  ])("is a member all the time where every answer takes $answerMs ms, at $looksPerTtl looks a ttl", async (slow) => {
    await using agents = new Agents();
    Object.assign(agents.engines, slow);
    const [a, b] = [agents.start("a"), agents.start("b", "stop")];
    await agents.clock.advance(4 * ttlMs);
    const states = new Set<string>();
    for (let step = 0; step < 400; step++) {
      await agents.clock.advance(ttlMs / 40);
      for (const agent of [a, b]) states.add(agent.state());
    }
    expect([...states]).toEqual(["member"]);
    agents.engines.answerMs = 0;
  });

  test("waits for nobody who left while the engine failed for a moment", async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    agents.engines.failures.set("a", "unreachable");
    await agents.clock.advance(ttlMs / 5);
    await b.leave();
    agents.engines.failures.clear();
    await agents.clock.advance(ttlMs / 5);
    expect(a.owned()).toEqual(addresses);
  });

  test("says why, once", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    await agents.clock.advance(5000);
    agents.engines.failures.set("*", "unreachable");
    await agents.clock.advance(30_000);
    expect(a.membership.snapshot()).toMatchObject({ lastError: "Cannot reach the engine: connection refused" });
    const warnings = agents.log.lines.filter(({ message }) => message.startsWith("The engine"));
    expect(warnings.map(({ message }) => message)).toEqual([
      "The engine of the cluster did not answer as it should",
      "The engine does not answer: this agent goes on with its share of before, and others may scrape the same targets",
    ]);
  });

  test("can leave nevertheless, in time", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    await agents.clock.advance(5000);
    agents.engines.failures.set("*", "silent");
    const left = a.leave();
    await agents.clock.advance(1000);
    await left;
    expect(agents.log.lines.at(-1)?.message).toStartWith("Could not leave the cluster");
  });
});

describe("A member that may renew and not see who is a member", () => {
  test.each([
    ["keep", "kept", "this agent goes on with its share of before"],
    ["stop", "stopped", "this agent scrapes no target that is shared"],
  ] as const)('counts as gone a ttl later (on_engine_loss = "%s")', async (loss, state, consequence) => {
    await using agents = new Agents();
    const a = agents.start("a", loss);
    await agents.clock.advance(5000);
    agents.engines.failures.set("a", "blind");
    // It cannot learn of them.
    const [b, c] = [agents.start("b"), agents.start("c")];
    for (const waitMs of [1.2 * ttlMs, 60 * ttlMs]) {
      await agents.clock.advance(waitMs);
      expect([a.state(), a.owned()]).toEqual([state, loss === "keep" ? addresses : []]);
      expect(owners(b, c)).toEqual(exactlyOne);
    }
    expect(a.membership.snapshot()).toMatchObject({
      engineUp: false,
      problem: expect.stringContaining(`The engine refuses to say who is a member: ${consequence}`),
      lastError: "It may not list; let it list",
    });
    agents.engines.failures.clear();
    await agents.clock.advance(ttlMs / 2);
    expect(owners(a, b, c)).toEqual(exactlyOne);
  });
});
