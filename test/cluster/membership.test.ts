import { describe, expect, test } from "bun:test";
import { Membership } from "../../src/cluster/membership.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { MemoryEngines } from "./memory-engine.ts";

const ttlMs = 10_000;
const addresses = Array.from({ length: 300 }, (_, index) => `10.0.0.${index}:6060`);

/** Agents of one cluster in one process, whose time is turned by hand. */
class Agents {
  readonly clock = new FakeClock();
  readonly engines = new MemoryEngines({ clock: this.clock, ttlMs });
  readonly log = createMemoryLog();
  readonly #running: { readonly stop: AbortController; readonly ended: Promise<void> }[] = [];

  start(nodeName: string, onEngineLoss: "keep" | "stop" = "keep") {
    const metrics = createMetrics();
    let sleptMs = 0;
    const membership = new Membership({
      nodeName,
      ttlMs,
      onEngineLoss,
      engineName: "etcd",
      openEngine: async (self) => this.engines.open(self),
      clock: {
        now: () => this.clock.now(),
        monotonic: () => this.clock.monotonic(),
        uptime: () => this.clock.uptime() + sleptMs,
        after: (delayMs, callback) => this.clock.after(delayMs, callback),
      },
      log: this.log,
      metrics,
    });
    const stop = new AbortController();
    const ended = membership.run(stop.signal, { url: `http://${nodeName}/` });
    this.#running.push({ stop, ended });
    return {
      membership,
      metrics,
      owned: () => addresses.filter((address) => membership.owns(address)),
      state: () => membership.snapshot().state,
      /** The machine sleeps: its timers stand still meanwhile. */
      sleep: (ms: number) => void (sleptMs += ms),
      leave: () => (stop.abort(), ended),
      /** It ends without a word. */
      kill: () => (this.engines.failures.set(nodeName, "unreachable"), stop.abort(), ended),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#running) stop.abort();
    const ended = Promise.all(this.#running.map((each) => each.ended));
    await this.clock.advance(ttlMs);
    await ended;
    expect(this.clock.pending).toBe(0);
  }
}

type Running = ReturnType<Agents["start"]>;

/** How many agents own each address. */
function owners(...agents: readonly Running[]): ReadonlySet<number> {
  const owned = agents.flatMap((agent) => agent.owned());
  return new Set(addresses.map((address) => owned.filter((other) => other === address).length));
}

const exactlyOne = new Set([1]);

describe("A member of a cluster", () => {
  test("owns nothing before the engine has answered", async () => {
    await using agents = new Agents();
    const agent = agents.start("a");
    expect(agent.owned()).toEqual([]);
    expect(agent.state()).toBe("joining");
    await agents.clock.advance(0);
    expect(agent.owned()).toEqual(addresses);
  });

  test("owns every target while it is the only one, and shares with those that join", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    await agents.clock.advance(5000);
    const before = a.owned();
    const b = agents.start("b");
    await agents.clock.advance(1000);
    expect(owners(a, b)).toEqual(exactlyOne);
    expect(before).toEqual(addresses);
    expect(Math.abs(a.owned().length - 150)).toBeLessThan(40);
  });

  test("takes over from one that leaves within a look", async () => {
    await using agents = new Agents();
    const [a, b, c] = [agents.start("a"), agents.start("b"), agents.start("c")];
    await agents.clock.advance(5000);
    const kept = a.owned();
    await c.leave();
    expect(c.state()).toBe("left");
    await agents.clock.advance(ttlMs / 10);
    expect(owners(a, b)).toEqual(exactlyOne);
    expect(a.owned()).toEqual(expect.arrayContaining(kept));
  });

  test("notices who joins and who leaves at once, where the engine tells of it", async () => {
    await using agents = new Agents();
    agents.engines.tells = true;
    const a = agents.start("a");
    await agents.clock.advance(5000);
    const b = agents.start("b");
    await agents.clock.advance(100);
    expect(owners(a, b)).toEqual(exactlyOne);
    await b.leave();
    await agents.clock.advance(100);
    expect(a.owned()).toEqual(addresses);
  });

  test("takes over from one that was killed within a ttl and a look", async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    await b.kill();
    await agents.clock.advance(ttlMs * 0.6);
    expect(a.owned().length).toBeLessThan(addresses.length);
    await agents.clock.advance(ttlMs * 0.5);
    expect(a.owned()).toEqual(addresses);
  });

  test("tells those who want to know of every change, and counts it", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    let told = 0;
    const unsubscribe = a.membership.subscribe(() => (told += 1));
    await agents.clock.advance(5000);
    const b = agents.start("b");
    await agents.clock.advance(2000);
    expect(told).toBe(2);
    unsubscribe();
    await b.leave();
    await agents.clock.advance(2000);
    expect(told).toBe(2);
    expect(await a.metrics.total("cluster_ownership_changes_total")).toBe(3);
  });

  test("shows its cluster", async () => {
    await using agents = new Agents();
    const [a] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(2000);
    expect(a.membership.snapshot()).toMatchObject({
      nodeName: "a",
      state: "member",
      engineUp: true,
      members: [
        { name: "a", url: "http://a/" },
        { name: "b", url: "http://b/" },
      ],
    });
    const exposition = await a.metrics.text();
    for (const line of ["cluster_members 2", "cluster_engine_up 1", 'cluster_node_state{state="member"} 1'])
      expect(exposition).toContain(`${line}\n`);
  });
});

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
        lastError: expect.stringContaining("The engine took longer than the ttl of 10s to answer"),
      });
      expect(await a.metrics.text()).toMatch(/^cluster_engine_failures_total\{reason="late"\} [1-9]/m);
    },
  );

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

describe("A member that did not run for longer than its ttl", () => {
  test("owns nothing until the engine has answered, and then its share", async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    const before = a.owned();
    agents.engines.failures.set("a", "unreachable");
    a.sleep(ttlMs + 1000);
    await agents.clock.advance(ttlMs / 2);
    expect([a.state(), a.owned()]).toEqual(["away", []]);
    agents.engines.failures.clear();
    await agents.clock.advance(ttlMs / 10);
    expect([a.state(), a.owned()]).toEqual(["member", before]);
    expect(owners(a, b)).toEqual(exactlyOne);
  });

  test("does not wait for one that left meanwhile", async () => {
    await using agents = new Agents();
    const [a, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    await b.leave();
    a.sleep(ttlMs + 1000);
    await agents.clock.advance(ttlMs / 5);
    expect([a.state(), a.owned()]).toEqual(["member", addresses]);
  });

  test("goes on as before when the engine has not answered for another ttl", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    agents.start("b");
    await agents.clock.advance(5000);
    const before = a.owned();
    agents.engines.failures.set("*", "unreachable");
    a.sleep(ttlMs + 1000);
    await agents.clock.advance(ttlMs + 1000);
    expect([a.state(), a.owned()]).toEqual(["kept", before]);
  });

  test("goes on as before when it did not run for a moment only", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    agents.start("b");
    await agents.clock.advance(5000);
    const before = a.owned();
    a.sleep(ttlMs / 2 - 1000);
    await agents.clock.advance(ttlMs / 10);
    expect([a.state(), a.owned()]).toEqual(["member", before]);
  });
});

describe("An agent whose name another one has", () => {
  test("owns nothing, says so after a ttl, and takes its place when the other has left", async () => {
    await using agents = new Agents();
    const first = agents.start("a");
    await agents.clock.advance(1000);
    const second = agents.start("a");
    await agents.clock.advance(5000);
    expect([second.state(), second.owned()]).toEqual(["joining", []]);
    await agents.clock.advance(ttlMs);
    expect(second.membership.snapshot()).toMatchObject({
      state: "name_taken",
      problem: expect.stringContaining("(http://a/): give each its own node_name"),
    });
    expect(first.owned()).toEqual(addresses);
    await first.leave();
    await agents.clock.advance(1500);
    expect([second.state(), second.owned()]).toEqual(["member", addresses]);
  });

  test("owns its share once the engine is lost before the other is known to live", async () => {
    await using agents = new Agents();
    const [killed, b] = [agents.start("a"), agents.start("b")];
    await agents.clock.advance(5000);
    const before = killed.owned();
    await killed.kill();
    agents.engines.failures.clear();
    const again = agents.start("a");
    await agents.clock.advance(1000);
    expect(again.state()).toBe("joining");
    agents.engines.failures.set("*", "unreachable");
    await agents.clock.advance(ttlMs / 2);
    expect(again.owned()).toEqual([]);
    await agents.clock.advance(ttlMs);
    expect([again.state(), again.owned()]).toEqual(["kept", before]);
    expect(owners(again, b)).toEqual(exactlyOne);
  });

  test("owns nothing while the engine is lost where the other has been seen to live for a ttl", async () => {
    await using agents = new Agents();
    const [first, second] = [agents.start("a"), agents.start("a")];
    await agents.clock.advance(2 * ttlMs);
    agents.engines.failures.set("*", "unreachable");
    await agents.clock.advance(6 * ttlMs);
    expect([first.state(), second.state()]).toEqual(["kept", "name_taken"]);
    expect(owners(first, second)).toEqual(exactlyOne);
  });
});
