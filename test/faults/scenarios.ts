import { mkdirSync } from "node:fs";
import { runChild } from "../support/child.ts";
import { crashImages } from "./crash-images.ts";
import { connectError, htmlPage } from "../support/push-server.ts";
import { type Fault, rateLimit } from "./fault-server.ts";
import { killing, killingWithTwo } from "./kills.ts";
import { poison, poisonAtHead } from "./poison.ts";
import { reloads } from "./reloads.ts";
import type { Findings, Length, Scenario } from "./scenario.ts";
import { durable, lossesOf, second, staged, wait } from "./staging.ts";
import { createWorld } from "./world.ts";

export const scenarios: readonly Scenario[] = [
  {
    name: "outage",
    promise: "a server that is gone for long costs nothing, and everything is sent once",
    run: async ({ pick }) =>
      // Half an hour at a scrape a second is more than the default 256 MiB hold.
      staged({ endpoint: durable("outage", ', max_disk = "1GiB"') }, async ({ agent, server }, broken) => {
        await wait(4 * second);
        await server.fail("refuse");
        await wait(pick(20 * second, 30 * 60 * second));
        if ((await agent.metric("pyroscope_write_spool_records")) === 0)
          broken.push("nothing was on disk in the outage");
        await server.fail(undefined);
        await wait(3 * second);
      }),
  },
  {
    name: "outage and restart",
    promise: "the agent ends within 5 s while the server is gone, and delivers after its next start",
    run: ({ pick }) =>
      staged({ endpoint: durable("outage") }, async ({ agent, server }, broken) => {
        await wait(3 * second);
        await server.fail("stall");
        await wait(pick(6 * second, 60 * second));
        const { exit, tookMs } = await agent.stop();
        if (exit !== 0 || tookMs > 5000) broken.push(`SIGTERM ended with ${exit} after ${Math.round(tookMs)} ms`);
        await agent.start();
        await wait(3 * second);
        await server.fail(undefined);
        await wait(2 * second);
      }),
  },
  killing("always"),
  killing("outage"),
  killingWithTwo,
  {
    name: "crash images",
    promise: "a log that was cut or flipped costs the records that were hit, which is counted, and nothing is made up",
    run: crashImages,
  },
  {
    name: "disk full",
    promise: "a full disk stops no scrape; what does not fit is counted; afterwards everything flows again",
    skip: () => (process.getuid?.() === 0 ? undefined : "mounting a small file system takes root"),
    run: diskFull,
  },
  {
    name: "flapping",
    promise: "a server that comes and goes every few seconds, in every way there is, loses nothing",
    run: ({ pick }) =>
      staged({ endpoint: durable("outage") }, async ({ server }) => {
        const faults: readonly (Fault | undefined)[] = [
          "refuse",
          undefined,
          "reset",
          undefined,
          htmlPage(502),
          undefined,
          "stall",
          undefined,
          "cut",
          undefined,
          "trickle",
          undefined,
        ];
        const untilMs = Date.now() + pick(36 * second, 10 * 60 * second);
        for (let turn = 0; Date.now() < untilMs; turn++) {
          await server.fail(faults[turn % faults.length]);
          await wait(3 * second);
        }
        await server.fail(undefined);
      }),
  },
  {
    name: "one dead, one good",
    promise: "a dead endpoint delays nothing for the other",
    run: ({ pick }) =>
      staged({ endpoint: durable("outage"), servers: 2 }, async ({ server, servers, ledger }, broken) => {
        await servers[1]?.fail("stall");
        await wait(pick(12 * second, 5 * 60 * second));
        const { delaySeconds } = ledger(server);
        if (delaySeconds.max > 2) broken.push(`the good endpoint got a profile ${delaySeconds.max.toFixed(1)} s late`);
        await servers[1]?.fail(undefined);
        await wait(4 * second);
      }),
  },
  poison,
  poisonAtHead,
  {
    name: "429 storms",
    promise: "a tenant over its limit loses nothing as long as the storm passes",
    run: ({ pick }) =>
      staged({ endpoint: durable("outage") }, async ({ server }) => {
        const storm = connectError("resource_exhausted", "too many requests", { headers: { "retry-after": "1" } });
        for (let turn = 0; turn < pick(3, 40); turn++) {
          await server.fail(storm);
          await wait(4 * second);
          await server.fail(turn % 2 === 0 ? undefined : htmlPage(429));
          await wait(2 * second);
          await server.fail(undefined);
        }
      }),
  },
  {
    name: "limit below the live rate",
    promise: "with a tenant's limit below what comes in, fresh profiles flow and the age of what waits stays bounded",
    run: overloaded,
  },
  reloads,
];

async function diskFull({ pick }: Length): Promise<Findings> {
  await using world = await createWorld({ endpoint: durable("outage", ', max_memory = "256KiB"'), storage: "small" });
  const { agent, server } = world;
  mkdirSync(agent.storage, { recursive: true });
  const mounted = await runChild(["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", agent.storage]);
  if (mounted.exit !== 0) throw new Error(`Cannot mount a small file system: ${mounted.stderr}`);
  try {
    const broken: string[] = [];
    await agent.start();
    await wait(2 * second);
    const schedule = await world.watchSchedule();
    await server.fail("refuse");
    await wait(pick(15 * second, 120 * second));
    const errors = await agent.metric("pyroscope_write_spool_errors_total", { reason: "disk_full" });
    if (errors === 0) broken.push("the full disk was not counted");
    agent.look();
    if (!agent.log.said.some((line) => /disk|space/i.test(line))) broken.push("the full disk was not said");
    await server.fail(undefined);
    await wait(3 * second);
    const done = await schedule();
    if (done < 0.995) broken.push(`only ${(done * 100).toFixed(2)} % of the scrapes that were due were done`);
    await agent.untilDelivered(30 * second).catch((error: unknown) => broken.push(String(error)));
    const stopped = await agent.stop();
    if (stopped.exit !== 0) broken.push(`it ended with ${stopped.exit}`);
    const ledger = world.ledger(server);
    broken.push(...lossesOf(ledger, ["queue_full", "spool_full"]));
    if (ledger.lost === 0) broken.push("nothing was lost, so the disk was not full");
    return { ledgers: [ledger], schedule: done, broken };
  } finally {
    await agent.kill();
    await runChild(["umount", "-l", agent.storage]);
  }
}

async function overloaded({ pick }: Length): Promise<Findings> {
  const maxAge = pick(20, 60);
  await using world = await createWorld({
    endpoint: durable("outage", `, max_age = "${maxAge}s"`),
  });
  const { agent, server } = world;
  const broken: string[] = [];
  await agent.start();
  await wait(5 * second);
  // Less than half of what comes in; a recorded profile has up to 100 kB.
  await server.fail(rateLimit(150_000, 300_000));
  const schedule = await world.watchSchedule();
  const lasts = pick(40, 300) * second;
  await wait(lasts);
  const oldest = await agent.metric("pyroscope_write_queue_oldest_age_seconds");
  if (oldest > maxAge + 5) broken.push(`the oldest profile waits for ${oldest.toFixed(0)} s`);
  const done = await schedule();
  if (done < 0.995) broken.push(`only ${(done * 100).toFixed(2)} % of the scrapes that were due were done`);
  agent.look();
  const nowMs = Date.now();
  const lately = [...server.deliveries.values()].filter(({ atMs }) => (atMs[0] as number) > nowMs - 10 * second);
  const fresh = lately.filter(
    ({ pushed, atMs }) => (atMs[0] as number) - (agent.log.accepted.get(pushed.id)?.atMs ?? 0) < 15 * second,
  );
  if (lately.length === 0 || fresh.length < lately.length / 4)
    broken.push(`of ${lately.length} profiles delivered in the last 10 s only ${fresh.length} were fresh`);
  await server.fail(undefined);
  await agent.untilDelivered(60 * second).catch((error: unknown) => broken.push(String(error)));
  await agent.stop();
  const ledger = world.ledger(server);
  // A large profile is refused more often than others are, which is what one above the tenant's burst looks like.
  broken.push(...lossesOf(ledger, ["too_old", "retries_exhausted"]));
  if (ledger.lost === 0) broken.push("nothing grew too old, so the tenant was not overloaded");
  return {
    ledgers: [ledger],
    schedule: done,
    broken,
    notes: {
      delivered_lately: lately.length,
      of_them_fresh: fresh.length,
      oldest_seconds: Math.round(oldest),
      replies: Object.fromEntries(server.replies),
    },
  };
}
