import { describe, expect, test } from "bun:test";
import { AgentError, limits } from "../../src/base/index.ts";
import { DiscoveryError } from "../../src/discovery/index.ts";
import type { MemoryLog } from "../support/memory-log.ts";
import { discovery, target } from "./told-discovery.ts";

/** A component that fails with a status every 5 s, as often as it is told, in words that are never the same. */
async function failing() {
  const { told, clock, log, stop } = await discovery();
  told.report.found("a", [target("a:1")]);
  const fail = async (status: number, times: number): Promise<void> => {
    for (let look = 0; look < times; look++) {
      await clock.advance(5000);
      const message = `Answered ${status}, request ${Math.random()}`;
      told.report.failed("", new DiscoveryError("status", message, { status }));
    }
  };
  return { clock, log, fail, stop, well: () => told.report.complete() };
}

function again(log: MemoryLog): readonly string[] {
  return log.messages("info").filter((message) => message === "Targets are discovered again");
}

describe("a discovery component that fails", () => {
  test("tells of a trouble whose words change every time once, and of each kind at once, every ten minutes", async () => {
    const { log, fail, well, clock, stop } = await failing();
    await fail(503, 8);
    expect(log.messages("warn")).toHaveLength(1);
    // By turns, within ten minutes.
    for (let turn = 0; turn < 10; turn++) {
      await fail(401, 1);
      await fail(503, 1);
    }
    expect(log.messages("warn")).toHaveLength(2);
    well();
    await fail(503, 1);
    well();
    await fail(401, 1);
    expect(log.messages("warn")).toHaveLength(2);
    expect(again(log)).toHaveLength(1);
    await clock.advance(limits.discoveryQuietMs);
    await fail(403, 2);
    expect(log.messages("warn")).toHaveLength(3);
    await stop();
  });

  test("tells of a trouble that lasts after it was said to be over, or another was told", async () => {
    const { log, fail, well, stop } = await failing();
    const perMinute = 12;
    await fail(503, 1);
    well();
    await fail(503, perMinute);
    expect(log.messages("warn")).toHaveLength(1);
    await fail(503, 2 * perMinute);
    expect(log.messages("warn")).toHaveLength(2);
    await fail(401, 1);
    expect(log.messages("warn")).toHaveLength(3);
    await fail(503, perMinute + 1);
    expect(log.messages("warn")).toHaveLength(4);
    well();
    expect(again(log)).toHaveLength(2);
    await stop();
  });

  test("is not made to fill the log by one that fails in ever new ways, or comes and goes", async () => {
    const { log, fail, well, stop } = await failing();
    for (let status = 400; status < 500; status++) {
      await fail(status, 1);
      well();
    }
    expect(log.messages("warn")).toHaveLength(limits.discoveryKindsTold);
    expect(again(log)).toHaveLength(limits.discoveryKindsTold);
    await stop();
  });

  test("says that targets are discovered again only of a source that had some", async () => {
    const { told, clock, log, stop } = await discovery();
    told.report.failed("", new Error("Nobody answers"));
    told.report.failed("a", new Error("Nobody answers"));
    told.report.failed("b", new Error("Nobody answers"));
    told.report.found("a", [target("a:1")]);
    told.report.complete();
    await clock.advance(1000);
    expect(log.messages("info")).toEqual(["Targets are discovered"]);
    told.report.found("b", [target("b:1")]);
    const first = log.lines.at(-1);
    expect([first?.message, first?.fields]).toMatchObject(["Targets are discovered", { source: "b" }]);
    await clock.advance(limits.discoveryQuietMs);
    told.report.failed("b", new Error("Nobody answers"));
    told.report.found("b", [target("b:1")]);
    expect(log.lines.at(-1)?.message).toBe("Targets are discovered again");
    await stop();
  });

  const adviceOn: readonly [reason: string, advice: string][] = [
    ["timeout", "look at the server that names the targets"],
    ["too_large", "narrow down what is discovered"],
    ["too_many_targets", "narrow down what is discovered"],
  ];

  test.each(adviceOn)("says what to do about a failure %j whose message does not", async (reason, advice) => {
    const { told, status, log, stop } = await discovery();
    for (const source of ["", "a"]) told.report.failed(source, new AgentError(reason, "It failed"));
    const says = `It failed; ${advice}`;
    expect(status().lastError).toStartWith(says);
    expect(status().shownSources[0]?.lastError).toStartWith(says);
    expect(String(log.lines[0]?.fields["err"])).toContain(says);
    told.report.failed("a", new AgentError(reason, "It failed; try that"));
    expect(status().shownSources[0]?.lastError).toBe("It failed; try that");
    told.report.complete(new AgentError(reason, "All failed"));
    expect(status().lastError).toStartWith(`All failed; ${advice}`);
    await stop();
  });
});
