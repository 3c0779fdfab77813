import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Target, TargetSource } from "../../../src/model/index.ts";
import { labelsOf } from "../../../src/model/index.ts";
import { createScrapeKind, createSharedScrapeState } from "../../../src/pyroscope/scrape/index.ts";
import type { Terms } from "../../../src/pyroscope/scrape/scrape-loop.ts";
import { testContext } from "../../support/context.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { recording } from "../../support/recordings.ts";
import { aManager, ok, only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";
import { SlowClock } from "./slow-clock.ts";

const id = "pyroscope.scrape.test";
const body = recording("goroutine", 1);
const targetsAt = (hosts: readonly string[]): readonly Target[] =>
  hosts.map((host) => labelsOf({ __address__: `${host}:80` }));
const numbered = (name: string): readonly string[] => Array.from({ length: 15 }, (_, index) => `${name}${index}`);

/** As many turns as any plan here takes. */
async function planned(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await settle();
}

/** A manager whose plans take many turns, and what each of several terms was used for. */
function setUp() {
  const running = aManager(() => ok(body), { clock: new SlowClock() });
  const used: { readonly by: string; readonly host: string }[] = [];
  const closed: string[] = [];
  const termsNamed = (by: string): Terms => ({
    client: {
      request: async ({ url }) => {
        used.push({ by: `client ${by}`, host: new URL(url).hostname });
        return ok(body);
      },
      close: () => closed.push(by),
    },
    receiver: {
      append: async ({ labels }) => {
        const instance = labels.find(({ name }) => name === "instance")?.value ?? "";
        used.push({ by: `receiver ${by}`, host: instance.replace(":80", "") });
      },
    },
    maxBytes: 1_000_000,
  });
  return {
    ...running,
    used,
    closed,
    termsNamed,
    planOf: (terms: Terms) => ({
      id,
      args: parseScrapeArguments({ ...only("goroutine"), scrape_interval: "2s" }),
      infersServiceName: true,
      terms,
    }),
    hosts: () => running.manager.snapshot().map(({ url }) => new URL(url).hostname),
    /** What the first letters of the hosts are for which each of the terms was used. */
    uses: () => [...new Set(used.map(({ by, host }) => `${by}: ${host.charAt(0)}`))].sort(),
  };
}

describe("Client and receiver of other arguments", () => {
  let running: ReturnType<typeof setUp> | undefined;
  afterEach(async () => {
    await running?.manager.close();
    expect(running?.clock.pending ?? 0).toBe(0);
    running = undefined;
  });

  test("are used for the targets of those alone, while and after the loops are changed over many turns", async () => {
    running = setUp();
    const { clock, manager, hosts, used, uses, closed, planOf, termsNamed } = running;
    const [a, b, c] = [numbered("a"), numbered("b"), numbered("c")];
    const after = [...b, ...c];
    manager.sync(targetsAt([...a, ...b]), planOf(termsNamed("old")));
    await planned();
    await clock.advance(3000);
    used.length = 0;
    manager.sync(targetsAt(after), planOf(termsNamed("new")));
    await clock.advance(1000);
    await planned();
    await clock.advance(3000);
    expect(hosts().sort()).toEqual([...after].sort());
    // The old ones were scraped while the new ones were planned.
    expect(uses()).toContain("client old: a");
    expect(uses()).not.toContain("client old: c");
    expect(uses()).not.toContain("client new: a");
    expect(uses()).not.toContain("receiver new: a");
    expect(closed).toEqual(["old"]);
    used.length = 0;
    await clock.advance(3000);
    expect(uses()).toEqual(["client new: b", "client new: c", "receiver new: b", "receiver new: c"]);
    await manager.close();
    expect(closed).toEqual(["old", "new"]);
  });

  test("are not used for those of a plan that was not done yet, nor of one that was passed over", async () => {
    running = setUp();
    const { clock, manager, hosts, uses, closed, planOf, termsNamed } = running;
    manager.sync(targetsAt(numbered("a")), planOf(termsNamed("first")));
    manager.sync(targetsAt(numbered("b")), planOf(termsNamed("second")));
    manager.sync(targetsAt(numbered("c")), planOf(termsNamed("third")));
    await planned();
    await clock.advance(5000);
    expect(hosts().sort()).toEqual([...numbered("c")].sort());
    expect(uses().filter((use) => !use.includes(" first: a"))).toEqual(["client third: c", "receiver third: c"]);
    expect(closed).toEqual(["first", "second"]);
  });

  test("are not used for targets that go on until all are known", async () => {
    running = setUp();
    const { clock, manager, uses, closed, planOf, termsNamed } = running;
    manager.sync(targetsAt(["a"]), planOf(termsNamed("old")));
    const after = planOf(termsNamed("new"));
    manager.sync(targetsAt(["b"]), { ...after, isPartial: true });
    await clock.advance(5000);
    expect(uses()).toEqual(["client new: b", "client old: a", "receiver new: b", "receiver old: a"]);
    expect(closed).toEqual([]);
    manager.sync(targetsAt(["b"]), after);
    await clock.advance(5000);
    expect(closed).toEqual(["old"]);
  });

  test("are used in one scrape from when its loop has them", async () => {
    running = setUp();
    const { clock, manager, uses, planOf, termsNamed } = running;
    const old = termsNamed("old");
    let answer = (): void => {};
    const slow = { ...old.client, request: () => new Promise((resolve) => (answer = () => resolve(ok(body)))) };
    manager.sync(targetsAt(["a"]), planOf({ ...old, client: slow as Terms["client"] }));
    await clock.advance(2000);
    manager.sync(targetsAt(["a"]), planOf(termsNamed("new")));
    await clock.advance(0);
    answer();
    await clock.advance(0);
    expect(uses()).toEqual(["receiver new: a"]);
  });
});

/** A target that notes what requests authenticate with. */
async function startTarget() {
  const seen: string[] = [];
  const server = createServer(({ headers }, response) => {
    seen.push(headers.authorization ?? "");
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    seen,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("Credentials of a reload do not go to the targets of before, which go on until a new source has answered", async () => {
  const [before, after] = [await startTarget(), await startTarget()];
  const found: Target[] = [];
  let listener = (): void => {};
  const source: TargetSource = {
    current: () => found,
    get hasAnswered() {
      return found.length > 0;
    },
    subscribe: (heard) => {
      listener = heard;
      return () => {};
    },
  };
  const clock = new FakeClock();
  const argumentsOf = (targets: unknown, token: string) =>
    parseScrapeArguments({ ...only("goroutine"), scrape_interval: "2s", targets, bearer_token: token });
  const context = testContext({
    clock,
    id,
    receivers: new Map([["pyroscope.write.test", { append: async () => {} }]]),
    targets: new Map([["discovery.http.new", source]]),
  });
  const component = createScrapeKind(createSharedScrapeState(clock)).create(
    argumentsOf([{ __address__: before.address }], "OLD"),
    context,
  );
  const stop = new AbortController();
  const run = component.run(stop.signal);
  const until = async (done: () => boolean): Promise<void> => {
    for (let step = 0; step < 3000 && !done(); step++) {
      await clock.advance(10);
      await settle();
    }
    expect(done()).toBe(true);
  };
  await until(() => before.seen.length >= 1);
  component.applyConfig(argumentsOf(["discovery.http.new"], "NEW"));
  await until(() => before.seen.length >= 3);
  found.push(labelsOf({ __address__: after.address }));
  listener();
  await until(() => after.seen.length >= 2);
  stop.abort();
  await run;
  await Promise.all([before.close(), after.close()]);
  expect([new Set(before.seen), new Set(after.seen)]).toEqual([new Set(["Bearer OLD"]), new Set(["Bearer NEW"])]);
});
