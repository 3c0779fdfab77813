import { afterEach, describe, expect, test } from "bun:test";
import { labelsOf } from "../../../src/model/index.ts";
import { InTurns, Turns, type Work } from "../../../src/pyroscope/scrape/in-turns.ts";
import { aManager, ok, only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";
import { SlowClock } from "./slow-clock.ts";

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function setUp() {
  const failures: unknown[] = [];
  const turns = new Turns(new SlowClock());
  const aComponent = () => new InTurns({ turns, failed: (error) => failures.push(error) });
  const inTurns = aComponent();
  const done: string[] = [];
  const work = (name: string, steps: number) =>
    function* working(): Work {
      for (let step = 0; step < steps; step++) {
        done.push(name);
        yield;
      }
    };
  return { aComponent, inTurns, done, failures, work };
}

describe("work in turns", () => {
  test("begins at once, and others have their turn before it goes on", async () => {
    const { inTurns, done, work } = setUp();
    inTurns.run(work("a", 6));
    expect(done).toEqual(["a", "a", "a", "a"]);
    await turn();
    expect(done).toHaveLength(6);
  });

  test("is done to its end, and of what came meanwhile the last", async () => {
    const { inTurns, done, work } = setUp();
    inTurns.run(work("a", 5));
    inTurns.run(work("b", 1));
    inTurns.run(work("c", 1));
    expect(done).toEqual(["a", "a", "a", "a"]);
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(done).toEqual(["a", "a", "a", "a", "a", "c"]);
    inTurns.run(work("d", 1));
    expect(done.at(-1)).toBe("d");
  });

  test("that throws tells whoever asked in its first turn, somebody else later, and lets others go on", async () => {
    const { inTurns, done, failures, work } = setUp();
    const failing = (steps: number) =>
      function* working(): Work {
        yield* work("a", steps)();
        throw new Error(`after ${steps}`);
      };
    expect(() => inTurns.run(failing(0))).toThrow("after 0");
    inTurns.run(failing(4));
    inTurns.run(work("b", 1));
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(failures).toEqual([new Error("after 4")]);
    expect(done.at(-1)).toBe("b");
  });

  test("of several components takes no longer together, and each has its turn before the next work of another", async () => {
    const { aComponent, inTurns: a, done, work } = setUp();
    const [b, c] = [aComponent(), aComponent()];
    a.run(work("a", 6));
    b.run(work("b", 1));
    c.run(work("c", 2));
    a.run(work("A", 1));
    expect(done).toEqual(["a", "a", "a", "a"]);
    b.stop();
    await turn();
    expect(done.length).toBeLessThanOrEqual(8);
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(done.join("")).toBe("aaaaaaccA");
    // Nobody waits any more, and the turn is over all the same.
    for (const component of [a, b, c]) component.run(work("d", 2));
    expect(done.join("")).toBe("aaaaaaccAdd");
  });

  test("can be stopped", async () => {
    const { inTurns, done, work } = setUp();
    inTurns.run(work("a", 9));
    inTurns.run(work("b", 9));
    inTurns.stop();
    await turn();
    expect(done).toEqual(["a", "a", "a", "a"]);
  });
});

describe("The loops of thousands of targets", () => {
  let running: ReturnType<typeof aManager> | undefined;
  afterEach(async () => {
    await running?.manager.close();
    expect(running?.clock.pending).toBe(0);
  });

  test("are found, begun and ended over many turns, and end up as the last call wants them", async () => {
    running = aManager(() => ok(new Uint8Array()), { clock: new SlowClock() });
    const { manager, baselines, terms } = running;
    const args = parseScrapeArguments({ ...only("memory"), scrape_interval: "1h" });
    const options = { id: "pyroscope.scrape.test", args, infersServiceName: true, terms };
    const targets = Array.from({ length: 40 }, (_, index) => labelsOf({ __address__: `a:${index + 1}` }));
    let mostAtOnce = 0;
    const until = async (count: number): Promise<number> => {
      for (let turns = 0, before = 0; turns < 1000; turns++) {
        mostAtOnce = Math.max(mostAtOnce, baselines.size - before);
        before = baselines.size;
        if (manager.snapshot().length === count) return turns;
        await turn();
      }
      throw new Error(`${manager.snapshot().length} loops, not ${count}`);
    };
    manager.sync(targets, options);
    expect(manager.snapshot()).toEqual([]);
    expect(await until(40)).toBeGreaterThan(10);
    expect(baselines.size).toBe(40);
    // What a loop does to begin takes its part of a turn.
    expect(mostAtOnce).toBeLessThan(4);
    manager.sync(targets.slice(0, 10), options);
    manager.sync([], options);
    manager.sync(targets.slice(0, 25), options);
    await until(25);
    expect(manager.share).toBeUndefined();
  });
});
