import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { startPushServer } from "../support/push-server.ts";
import { type Agent, startAgain, startAgent, writeConfig } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(60_000);

const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

/** Four addresses of one target, one profile each every second. */
function config(targetPort: number, serverPort: number, durability: string): string {
  const targets = [1, 2, 3, 4].map((host) => `{ __address__ = "127.0.0.${host}:${targetPort}" }`);
  return `
logging = { level = "debug" }
[pyroscope.scrape.test]
targets = [${targets.join(", ")}]
forward_to = ["pyroscope.write.test"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
block.enabled = false
memory.enabled = false
mutex.enabled = false
process_cpu.enabled = false

[[pyroscope.write.test.endpoint]]
name = "central"
url = "http://127.0.0.1:${serverPort}"
max_backoff_period = "1s"
queue = { durability = "${durability}" }
`;
}

/** The ids of the profiles that the write component has taken. */
function accepted(agent: Agent): string[] {
  return [...agent.child.output().matchAll(/Profile handed on.*?\bid"?[=:] ?"?([0-9a-f-]{36})/g)].map(
    ([, id = ""]) => id,
  );
}

async function central(agent: Agent) {
  const endpoint = (await agent.endpoints("pyroscope.write.test")).get("central");
  if (!endpoint) throw new Error('No endpoint "central"');
  return endpoint;
}

function spoolFiles(agent: Agent): string[] {
  return readdirSync(join(agent.directory, "data"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("what an agent kept on disk", () => {
  test.concurrent("in an outage is delivered after a restart, each profile once, and then is gone", async () => {
    await using target = await startRecordedTarget();
    const port = await freePort();
    await using first = await startAgent(config(target.port, port, "outage"));
    await eventually("several profiles are on disk", async () =>
      (await central(first)).spooled_profiles >= 8 ? true : undefined,
    );
    const { exit, tookMs } = await first.stop();
    expect(exit).toBe(0);
    expect(tookMs).toBeLessThan(5000);
    const taken = accepted(first);
    expect(taken.length).toBeGreaterThanOrEqual(8);
    expect(first.child.output()).toContain("Profiles are kept on disk for when the component runs again");
    expect(new Set(spoolFiles(first).map((file) => statSync(file).mode & 0o777))).toEqual(new Set([0o600]));

    await using server = await startPushServer({ port, ...anyAge });
    await using second = await startAgain(first);
    const ids = (): string[] => server.accepted.map(({ id }) => id);
    await server.waitFor(() => taken.every((id) => ids().includes(id)), { timeoutMs: 30_000 });
    await target.close();
    await eventually("nothing waits any more", async () => {
      const { queued_profiles: queued, spooled_profiles: spooled } = await central(second);
      return queued + spooled === 0 ? true : undefined;
    });
    expect(second.child.output()).toContain("Profiles of an earlier run wait on disk");
    expect((await second.stop()).exit).toBe(0);
    expect(new Set(ids()).size).toBe(ids().length);
    expect(new Set(ids())).toEqual(new Set([...taken, ...accepted(second)]));
    await using third = await startAgain(first);
    expect((await central(third)).spooled_profiles).toBe(0);
    expect(third.child.output()).not.toContain("earlier run");
  });

  test.concurrent('with "always" survives SIGKILL: all that was accepted is delivered', async () => {
    await using target = await startRecordedTarget();
    const port = await freePort();
    await using first = await startAgent(config(target.port, port, "always"));
    await first.child.waitFor(/(Profile handed on[^]*){6}/, 30_000);
    await first.child.stop("SIGKILL");
    const taken = accepted(first);
    expect(taken.length).toBeGreaterThanOrEqual(6);
    await using server = await startPushServer({ port, ...anyAge });
    await using _second = await startAgain(first);
    const missing = (): string[] => taken.filter((id) => !server.accepted.some((one) => one.id === id));
    await server.waitFor(() => missing().length === 0, { timeoutMs: 30_000 });
    expect(new Set(server.accepted.map(({ id }) => id)).size).toBe(server.accepted.length);
  });

  test.concurrent("of a component that was renamed is named, and its own again when a reload brings the name back", async () => {
    await using target = await startRecordedTarget();
    const port = await freePort();
    const text = config(target.port, port, "outage");
    await using first = await startAgent(text);
    await eventually("several profiles are on disk", async () =>
      (await central(first)).spooled_profiles >= 8 ? true : undefined,
    );
    await first.stop();
    const taken = accepted(first);
    writeConfig(first, text.replaceAll("pyroscope.write.test", "pyroscope.write.other"));
    await using second = await startAgain(first);
    await second.child.waitFor(/Profiles on disk are for a component that is not.*component=pyroscope\.write\.test/);
    await using server = await startPushServer({ port, ...anyAge });
    writeConfig(first, text);
    expect((await fetch(`${second.url}/-/reload`, { method: "POST" })).status).toBe(200);
    const delivered = (): Set<string> => new Set(server.accepted.map(({ id }) => id));
    await server.waitFor(() => taken.every((id) => delivered().has(id)), { timeoutMs: 30_000 });
  });
});
