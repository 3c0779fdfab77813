import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { eventually } from "../support/child.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { rawRecording, recording } from "../support/recordings.ts";
import { type Agent, startAgain, startAgent, startAgentWith } from "./agent.ts";
import { decodeProfile, difference, sumsByStack } from "./profile-sums.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const lastRecording = 10;
const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

/** A process whose memory profile grows from one request to the next, as it was recorded; the last recording stays. */
async function startGrowingTarget() {
  let served = 0;
  const server = createServer((_, response) => {
    served++;
    response.end(recording("allocs", Math.min(served, lastRecording)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    /** Waits until it was asked so many times. */
    asked: (times: number) => eventually(`request ${times} is answered`, () => served >= times || undefined),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function config(port: number, server: PushServer): string {
  return `
[pyroscope.scrape.test]
targets = [{ __address__ = "127.0.0.1:${port}", service_name = "shop" }]
forward_to = ["pyroscope.write.test"]
scrape_interval = "500ms"
[pyroscope.scrape.test.profiling_config.profile]
goroutine.enabled = false
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false

[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`;
}

const savedBaselines = ({ directory }: Agent): boolean => existsSync(join(directory, "data", "baselines"));

/** By stack, by how much what was delivered of a column differs from what the target's first and last answer differ by. */
function wronglyCounted(server: PushServer, column: string): [string, bigint][] {
  const [first, last] = [1, lastRecording].map((number) =>
    sumsByStack([decodeProfile(rawRecording("allocs", number))], column),
  );
  const grown = difference(last as Map<string, bigint>, first as Map<string, bigint>);
  const profiles = server.accepted.map(({ profile }) => profile);
  return [...difference(sumsByStack(profiles, column), grown)];
}

describe("deltas over a restart of the agent", () => {
  test.concurrent("count everything once after a clean shutdown, whose file of baselines is used once", async () => {
    await using server = await startPushServer(anyAge);
    await using target = await startGrowingTarget();
    await using agent = await startAgent(config(target.port, server));
    await target.asked(3);
    expect((await agent.stop()).exit).toBe(0);
    expect(savedBaselines(agent)).toBe(true);

    await using again = await startAgain(agent);
    expect(savedBaselines(agent)).toBe(false);
    await target.asked(6);
    expect((await again.stop()).exit).toBe(0);

    await using third = await startAgain(agent);
    // One that was asked for and not used when the agent stopped is made up for by the next.
    await target.asked(lastRecording + 2);
    await third.stop();
    for (const column of ["alloc_objects", "alloc_space"]) expect(wronglyCounted(server, column), column).toEqual([]);
  });

  test.concurrent("count nothing twice after SIGKILL, which leaves no baselines", async () => {
    await using server = await startPushServer(anyAge);
    await using target = await startGrowingTarget();
    await using agent = await startAgent(config(target.port, server));
    await target.asked(3);
    await agent.stop();
    await using again = await startAgain(agent);
    await target.asked(6);
    await again.child.stop("SIGKILL");

    await using third = await startAgain(agent);
    await target.asked(lastRecording + 2);
    await third.stop();
    const tooMuch = wronglyCounted(server, "alloc_space").filter(([, excess]) => excess > 0n);
    expect(tooMuch).toEqual([]);
  });

  test.concurrent("start anew, with a line in the log, where the file of baselines is none", async () => {
    await using server = await startPushServer(anyAge);
    await using target = await startGrowingTarget();
    await using agent = await startAgent(config(target.port, server));
    await agent.stop();
    mkdirSync(join(agent.directory, "data"), { recursive: true });
    writeFileSync(join(agent.directory, "data", "baselines"), "no baselines at all");
    await using again = await startAgain(agent);
    expect(again.child.output()).toMatch(/Delta baselines of the last run not used.*the file is not in the form/);
    await target.asked(2);
    expect((await again.stop()).exit).toBe(0);
  });

  test.concurrent("make no directory for an agent that runs without a file", async () => {
    await using target = await startGrowingTarget();
    await using agent = await startAgentWith(["--target", `127.0.0.1:${target.port}`]);
    await target.asked(1);
    expect((await agent.stop()).exit).toBe(0);
    expect(existsSync(join(agent.directory, "data-agent"))).toBe(false);
  });
});
