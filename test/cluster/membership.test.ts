import { describe, expect, test } from "bun:test";
import { addresses, Agents, exactlyOne, owners, ttlMs } from "./agents.ts";

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

  test.each([5000, 200])(
    "notices at once who joins after %d ms and who leaves, where the engine tells of it",
    async (afterMs) => {
      await using agents = new Agents();
      agents.engines.tells = true;
      const a = agents.start("a");
      await agents.clock.advance(afterMs);
      const b = agents.start("b");
      await agents.clock.advance(100);
      expect(owners(a, b)).toEqual(exactlyOne);
      await b.leave();
      await agents.clock.advance(100);
      expect(a.owned()).toEqual(addresses);
    },
  );

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

  test("owns nothing from when it runs again, before any timer of its own", async () => {
    await using agents = new Agents();
    const a = agents.start("a");
    await agents.clock.advance(5000);
    agents.engines.failures.set("a", "silent");
    a.sleep(3_600_000);
    expect(a.owned()).toEqual([]);
    await agents.clock.advance(ttlMs / 5);
    expect([a.state(), a.owned()]).toEqual(["away", []]);
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
