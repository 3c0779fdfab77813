// What a slow disk does to the agent: `bun bench/slow-disk.ts [--seconds 60] [--sync-ms 50]`. Ten targets, `durability = "always"` and no
// server, so that every profile goes to disk; strace makes each sync take that long. Prints event-loop lag, scrapes done of due, and
// bytes written per byte of profiles. Linux with strace only.
import process from "node:process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createWorld } from "../test/faults/world.ts";
import { startChild } from "../test/support/child.ts";
import { lagBuckets, p99Ms } from "./event-loop-lag.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, "sync-ms": { type: "string", default: "50" } },
});
const syncMs = Number(values["sync-ms"]);

await using world = await createWorld({ targets: 10, endpoint: 'queue = { durability = "always" }' });
const { agent, server } = world;
await server.fail("refuse");
await agent.start();
await wait(3);
const slow = syncMs > 0 ? slowDown(agent.pid) : undefined;
await wait(2);
const [before, writtenBefore, lagBefore] = [await spooled(), writtenBytes(), await lagBuckets(`${agent.url}/metrics`)];
const schedule = await world.watchSchedule();
await wait(Number(values.seconds));
const done = await schedule();
const lagAfter = await lagBuckets(`${agent.url}/metrics`);
const [after, writtenAfter] = [await spooled(), writtenBytes()];
await slow?.stop("SIGTERM");
await agent.stop();
console.log(
  JSON.stringify({
    sync_ms: syncMs,
    profiles: after.profiles - before.profiles,
    profile_bytes: after.bytes - before.bytes,
    log_bytes_per_profile_byte: (after.written - before.written) / (after.bytes - before.bytes),
    block_bytes_per_profile_byte: (writtenAfter - writtenBefore) / (after.bytes - before.bytes),
    lag_p99_ms: p99Ms(lagBefore, lagAfter),
    scrapes_done_of_due: done,
  }),
);
process.exit(0);

function slowDown(pid: number): ReturnType<typeof startChild> {
  const inject = `inject=fdatasync,fsync:delay_enter=${syncMs * 1000}`;
  return startChild([
    "strace",
    "-f",
    "-qq",
    "-e",
    "trace=fdatasync,fsync",
    "-e",
    inject,
    "-o",
    "/dev/null",
    "-p",
    `${pid}`,
  ]);
}

async function spooled(): Promise<{ profiles: number; bytes: number; written: number }> {
  const [profiles = 0, bytes = 0, written = 0] = await Promise.all(
    [
      "pyroscope_write_spooled_profiles_total",
      "pyroscope_write_spooled_bytes_total",
      "agent_spool_written_bytes_total",
    ].map((name) => agent.metric(name)),
  );
  return { profiles, bytes, written };
}

/** What the kernel sent to disks for the agent. */
function writtenBytes(): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${agent.pid}/io`, "utf8"))?.[1]);
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
