import { describe, expect, test } from "bun:test";
import { AgentLog } from "./agent-log.ts";
import type { Delivery } from "./fault-server.ts";
import { drawUp, type Witness } from "./ledger.ts";
import { lossesOf } from "./staging.ts";

const startMs = Date.parse("2026-01-01T00:00:00Z");
const endpoint = "main";

/** An agent that accepted these, one a second, and said this of drops. */
function anAgent(ids: readonly string[], drops: readonly Readonly<Record<string, unknown>>[] = []): Witness {
  const log = new AgentLog();
  const lines = ids.map((id, at) => ({ msg: "Profile handed on", id, url: `http://target/${id}`, type: "allocs", at }));
  for (const { at, ...line } of lines) {
    const ts = new Date(startMs + at * 1000).toISOString();
    log.take(JSON.stringify({ ts, level: "debug", time: ts, ...line }));
  }
  for (const drop of drops)
    log.take(JSON.stringify({ ts: "", level: "debug", msg: "Profile dropped likewise", endpoint, ...drop }));
  const counted = log.drops.map(({ reason }) => ({ endpoint, reason, profiles: 1 }));
  // Each takes as many bytes as its place says.
  const stored = ids.map((id, at) => ({ id, sizes: [at + 1, at + 1001] }));
  return { log, counted, killedAtMs: [], stored };
}

/** A server to which those came, in that order; `timeMs` is that of the agent which `anAgent` makes. */
function aServer(ids: readonly string[], came: readonly string[]): { deliveries: Map<string, Delivery> } {
  const deliveries = new Map<string, Delivery>();
  for (const id of came) {
    const timeMs = startMs + ids.indexOf(id) * 1000;
    const pushed = { id, service: id, type: "memory", timeMs, rawBytes: 1 };
    const known = deliveries.get(id) ?? { pushed, atMs: [], unanswered: 0 };
    known.atMs.push(timeMs + 10);
    deliveries.set(id, known);
  }
  return { deliveries };
}

const ids = ["a", "b", "c"];

describe("the ledger", () => {
  test("finds nothing wrong where everything came once", () => {
    const ledger = drawUp(anAgent(ids), aServer(ids, ids));
    expect(ledger).toMatchObject({ accepted: 3, once: 3, lost: 0 });
    expect(lossesOf(ledger)).toEqual([]);
  });

  test("gives a lost profile the reason that the agent gave for this very one", () => {
    const drops = [
      { id: "a", reason: "queue_full" },
      { bytes: 2, reason: "too_old" },
    ];
    const ledger = drawUp(anAgent(ids, drops), aServer(ids, ["c"]));
    expect(ledger).toMatchObject({ lost: 2, dropped: { queue_full: 1, too_old: 1 }, silent: [] });
    expect(lossesOf(ledger, ["queue_full", "too_old"])).toEqual([]);
    expect(lossesOf(ledger, ["queue_full"])).toEqual(["profiles were dropped as too_old"]);
  });

  test.each([
    ["of another one, by its id", { id: "b", reason: "queue_full" }],
    ["of another one, by its size on disk", { bytes: 2, reason: "queue_full" }],
  ])("is not put off with the drop %s", (_, drop) => {
    const ledger = drawUp(anAgent(ids, [drop]), aServer(ids, ["b", "c"]));
    expect(ledger.silent).toEqual([expect.stringContaining("http://target/a")]);
    expect([...ledger.deliveredAndDropped, ...ledger.doubtful]).toHaveLength(1);
  });

  test("knows what a kill may cost", () => {
    const agent = { ...anAgent(ids), killedAtMs: [startMs + 2500] };
    const ledger = drawUp(agent, aServer(ids, []));
    expect(ledger).toMatchObject({ lost: 3, lostInLastSeconds: 2, silent: [expect.stringContaining("/a")] });
  });

  test("tells metrics from what the log says", () => {
    const agent = anAgent(ids, [{ id: "a", reason: "too_old" }]);
    const ledger = drawUp({ ...agent, counted: [] }, aServer(ids, ["b", "c"]));
    expect(ledger.doubtful).toEqual(["too_old: 0 counted, 1 in the log"]);
  });

  test("does not expect what was not owed, and tells what came twice", () => {
    const ledger = drawUp(anAgent(ids), aServer(ids, ["b", "b"]), { owed: ({ id }) => id === "b" });
    expect(ledger).toMatchObject({ accepted: 1, twice: 1, lost: 0 });
    expect(lossesOf(ledger)).toEqual([expect.stringContaining("sent again although the server had answered")]);
  });
});
