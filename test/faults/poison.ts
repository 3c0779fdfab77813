import { connectError } from "../support/push-server.ts";
import { eventually } from "../support/child.ts";
import type { Accepted } from "./agent-log.ts";
import type { Scenario } from "./scenario.ts";
import { durable, second, staged, wait } from "./staging.ts";

const panic = connectError("unknown", "panic while ingesting");

export const poison: Scenario = {
  name: "poison",
  promise: "a profile that the server never takes is set aside and named, and delays nobody",
  run: ({ pick }) =>
    staged(
      { endpoint: durable("outage") },
      async ({ agent, server }, broken) => {
        // A third of what is pushed, and the smallest: the recordings of `mutex` have nothing to push.
        const type = "block";
        await server.fail((pushed) => (pushed.type === type ? panic : undefined));
        await wait(pick(45 * second, 5 * 60 * second));
        agent.look();
        const { accepted, named, drops } = agent.log;
        const late = [...server.deliveries.values()].filter(
          ({ pushed, atMs }) => (atMs[0] as number) - (accepted.get(pushed.id)?.atMs ?? Infinity) > 10 * second,
        );
        if (late.length > 0) broken.push(`${late.length} good profiles came more than 10 s late`);
        const missing = [...accepted.values()].filter(
          (one) => one.type !== type && one.atMs < Date.now() - 10 * second && !server.deliveries.has(one.id),
        );
        if (missing.length > 0) broken.push(`${missing.length} good profiles have not come`);
        if (drops.length === 0) broken.push("no poison was set aside");
        // People see one for each reason every 10 minutes.
        if (named.size === 0) broken.push("no poison was named");
        const wronged = drops.filter(({ id = "" }) => accepted.get(id)?.type !== type);
        if (wronged.length > 0) broken.push(`${wronged.length} were dropped that are no poison`);
      },
      { lossReasons: ["retries_exhausted"] },
    ),
};

const headRecords = 300;
/** What is promised of good profiles behind or beside a head of poison. */
const bounds = { liveMedianMs: 1 * second, liveMaxMs: 10 * second, backlogMs: 15 * second };
/** By then the endpoint has been probed, whatever its pauses are. */
const probedMs = 40 * second;

export const poisonAtHead: Scenario = {
  name: "poison at the head",
  promise: `${headRecords} records at the head of the log that the server never takes delay good ones by no more than ${bounds.liveMaxMs / second} s`,
  run: ({ pick }) => {
    let notes: Readonly<Record<string, unknown>> = {};
    return staged(
      // The long form has the default pauses, of up to five minutes.
      { endpoint: pick(durable("outage"), ""), targets: 24 },
      async ({ agent, server }, broken) => {
        await server.fail("refuse");
        await eventually("the head is on disk", async () =>
          (await agent.metric("pyroscope_write_spool_records")) >= headRecords ? true : undefined,
        );
        const poisonUntilMs = Date.now();
        const isPoison = ({ timeMs }: { timeMs: number }): boolean => timeMs <= poisonUntilMs;
        // Good ones behind it on disk.
        await wait(3 * second);
        let healedMs = Infinity;
        await server.fail((pushed) => {
          healedMs = Math.min(healedMs, Date.now());
          return isPoison(pushed) ? panic : undefined;
        });
        await eventually("the server is asked", () => (healedMs < Infinity ? true : undefined), probedMs);
        await wait(pick(30 * second, 4 * 60 * second));
        agent.look();
        const { accepted, drops } = agent.log;
        // Older than the bound, so that each of them should have come.
        const good = [...accepted.values()].filter((one) => !isPoison(one) && one.atMs < Date.now() - bounds.liveMaxMs);
        const untilMs = (one: Accepted): number => server.deliveries.get(one.id)?.atMs[0] ?? Infinity;
        const live = delaysOf(good.filter(({ atMs }) => atMs >= healedMs).map((one) => untilMs(one) - one.atMs));
        const backlog = delaysOf(good.filter(({ atMs }) => atMs < healedMs).map((one) => untilMs(one) - healedMs));
        if (backlog.count === 0) broken.push("no good ones were behind the head: the scenario shows nothing");
        if (live.median > bounds.liveMedianMs) broken.push(`live good ones came ${live.median} ms late, by the median`);
        if (live.missing > 0 || live.max > bounds.liveMaxMs)
          broken.push(`${live.missing} live good ones have not come, another came ${live.max} ms late`);
        if (backlog.missing > 0 || backlog.max > bounds.backlogMs)
          broken.push(
            `${backlog.missing} good ones behind the head have not come, another came ${backlog.max} ms after the server was back`,
          );
        const wronged = drops.filter(({ id = "" }) => !isPoison(accepted.get(id) ?? { timeMs: Infinity }));
        if (wronged.length > 0) broken.push(`${wronged.length} were dropped that are no poison`);
        // Ends every pause.
        await server.fail(undefined);
        await agent.reload();
        notes = {
          head: [...accepted.values()].filter(isPoison).length,
          set_aside: drops.length,
          live_ms: live,
          backlog_ms: backlog,
        };
      },
      { lossReasons: ["retries_exhausted"], notes: () => notes },
    );
  },
};

function delaysOf(list: readonly number[]) {
  const sorted = [...list].sort((a, b) => a - b);
  const missing = sorted.filter((ms) => ms === Infinity).length;
  // Of the median, those that have not come are part.
  return {
    count: sorted.length,
    missing,
    median: sorted[sorted.length >> 1] ?? 0,
    max: sorted[sorted.length - missing - 1] ?? 0,
  };
}
