import { beforeEach, describe, expect, test } from "bun:test";
import { AgentError } from "../../src/base/index.ts";
import { ConfigError } from "../../src/config/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { type AgentConfig, Reloader, type ReloaderOptions } from "../../src/reload.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { parseMetrics, sumOf } from "../support/parse-metrics.ts";

function config(hash: string, given: Partial<AgentConfig> = {}): AgentConfig {
  return {
    server: { listen_address: "127.0.0.1:1", host: "127.0.0.1", port: 1 },
    storage: { path: "/data" },
    logging: { level: "info" },
    components: [],
    warnings: [],
    hash,
    ...given,
  };
}

let [clock, log, metrics, stop] = [new FakeClock(), createMemoryLog(), createMetrics(), new AbortController()];
/** What was carried out, and what was found at fault, in order. */
let applied: string[];
let faults: ReadonlyMap<string, string>[];

beforeEach(() => {
  [clock, log, metrics, stop] = [new FakeClock(), createMemoryLog(), createMetrics(), new AbortController()];
  [applied, faults] = [[], []];
});

function reloader(options: Partial<ReloaderOptions>, first = config("first")): Reloader {
  return new Reloader(first, {
    apply: ({ hash }) => void applied.push(hash),
    onUnusable: (found) => void faults.push(found),
    clock,
    log,
    metrics,
    signal: stop.signal,
    ...options,
  });
}

async function metric(name: string, labels: Record<string, string> = {}): Promise<number> {
  return sumOf(parseMetrics(await metrics.text()), { name, labels });
}

const unusable = new ConfigError("invalid", [
  { file: "agent.toml", line: 2, column: 3, key: "a.b.c.x", component: "a.b.c", message: "wrong" },
  { file: "agent.toml", line: 9, column: 1, key: "server.x", message: "unknown" },
]);

describe("A reload", () => {
  test("that takes effect counts a generation, and leaves one series of the hash", async () => {
    const one = reloader({ load: async () => config("second") });
    expect(await metric("agent_config_hash", { sha256: "first" })).toBe(1);
    await clock.advance(5000);
    expect(await one.reload("SIGHUP")).toEqual({ outcome: "applied" });
    expect(one.status).toEqual({ hash: "second", generation: 2, loadedMs: clock.now(), needsRestart: [] });
    const text = await metrics.text();
    expect(text.match(/^agent_config_hash\{.*$/gm)).toEqual(['agent_config_hash{sha256="second"} 1']);
    expect(await metric("agent_config_generation")).toBe(2);
    expect(await metric("agent_config_reloads_total", { result: "applied" })).toBe(1);
    expect(log.lines.at(-1)).toMatchObject({
      message: "Configuration reloaded",
      fields: { trigger: "SIGHUP", generation: 2 },
    });
  });

  test("of a bad file changes nothing, says why, and is remembered until a good one", async () => {
    let next: () => Promise<AgentConfig> = () => Promise.reject(unusable);
    const one = reloader({ load: () => next() });
    const message = "agent.toml:2:3: a.b.c.x: wrong\nagent.toml:9:1: server.x: unknown";
    expect(await one.reload("SIGHUP")).toEqual({
      outcome: "refused",
      reason: "invalid",
      message,
      problems: unusable.problems,
    });
    expect(applied).toEqual([]);
    expect(one.status).toMatchObject({ hash: "first", generation: 1, failure: { atMs: clock.now(), message } });
    expect([...(faults[0] ?? [])]).toEqual([["a.b.c", "Its configuration could not be reloaded: a.b.c.x: wrong"]]);
    expect(log.lines.map(({ fields }) => fields["problem"]).filter(Boolean)).toEqual(message.split("\n"));
    expect(await metric("agent_config_reloads_total", { result: "invalid" })).toBe(1);
    next = async () => config("good");
    await one.reload("SIGHUP");
    expect(one.status.failure).toBeUndefined();
  });

  test("that a component refuses is a refusal, and one that breaks the agent is told apart", async () => {
    let thrown: Error = new AgentError("rejected", "No");
    const one = reloader({
      load: async () => config("second"),
      apply() {
        throw thrown;
      },
    });
    expect(await one.reload("SIGHUP")).toEqual({ outcome: "refused", reason: "rejected", message: "No" });
    expect(faults).toEqual([]);
    thrown = new TypeError("x is undefined");
    expect(await one.reload("SIGHUP")).toMatchObject({ reason: "internal" });
    expect(one.status.generation).toBe(1);
  });

  test("that would end every component is refused: the file is being written", async () => {
    const some = {
      components: [{ kind: "a.b", label: "c", id: "a.b.c", args: {} }],
    } as unknown as Partial<AgentConfig>;
    let next = config("empty");
    const one = reloader({ load: async () => next }, config("first", some));
    expect(await one.reload("SIGHUP")).toMatchObject({ outcome: "refused", reason: "rejected" });
    expect([applied, one.status.hash]).toEqual([[], "first"]);
    expect(one.status.failure?.message).toStartWith("The file names no component any more");
    next = config("whole", some);
    expect(await one.reload("SIGHUP")).toEqual({ outcome: "applied" });
    expect(one.status.failure).toBeUndefined();
  });

  test("is no failure once it took effect, whatever fails then", async () => {
    const one = reloader({
      load: async () => config("second"),
      onApplied() {
        throw new Error("boom");
      },
    });
    expect(await one.reload("SIGHUP")).toEqual({ outcome: "applied" });
    expect(one.status).toMatchObject({ hash: "second", generation: 2 });
    expect(one.status.failure).toBeUndefined();
    expect(log.messages("error")).toEqual([
      "An error inside the agent: the new configuration is in force, but not all of it",
    ]);
  });

  test("of a file with problems without end shows the first of them", async () => {
    const problems = Array.from({ length: 50 }, (_, i) => ({
      file: "a.toml",
      line: i + 1,
      key: "k",
      message: "wrong",
    }));
    const one = reloader({ load: () => Promise.reject(new ConfigError("invalid", problems)) });
    const result = await one.reload("SIGHUP");
    expect(one.status.failure?.message.split("\n")).toHaveLength(21);
    expect(one.status.failure?.message).toEndWith('and 30 more, which "agent check" prints');
    expect(result).toMatchObject({ problems });
  });

  test("without a file changes nothing and says so", async () => {
    const one = reloader({});
    expect(await one.reload("SIGHUP")).toMatchObject({ outcome: "refused", reason: "no_file" });
    expect(one.status.failure).toBeUndefined();
    expect(log.messages("warn")).toEqual(["Nothing to reload"]);
  });

  test("that is under way when the agent stops does not take effect", async () => {
    const loaded = Promise.withResolvers<AgentConfig>();
    const one = reloader({ load: () => loaded.promise });
    const result = one.reload("SIGHUP");
    await settle();
    stop.abort();
    loaded.resolve(config("second"));
    expect(await result).toMatchObject({ outcome: "refused", reason: "stopping" });
    expect([applied, log.lines]).toEqual([[], []]);
  });

  test("warns of what is new only", async () => {
    const one = reloader(
      { load: async () => config("second", { warnings: ["old", "new"] }) },
      config("first", { warnings: ["old"] }),
    );
    await one.reload("SIGHUP");
    expect(log.lines.flatMap(({ fields }) => fields["warning"] ?? [])).toEqual(["old", "new"]);
  });

  test("with another listen address or storage path applies the rest, and says what waits for a restart", async () => {
    let next = config("second", { storage: { path: "/other" }, server: { listen_address: ":2", host: "", port: 2 } });
    const one = reloader({ load: async () => next });
    await one.reload("SIGHUP");
    expect(applied).toEqual(["second"]);
    expect(one.status.needsRestart).toEqual(["server.listen_address", "storage.path"]);
    expect(log.messages("warn")).toEqual(Array(2).fill("A changed setting takes effect after a restart only"));
    next = config("third");
    await one.reload("SIGHUP");
    expect(one.status.needsRestart).toEqual([]);
  });
});

describe("Reloads asked for at once", () => {
  test("run one after the other, those that wait are one, and the last state of the file wins", async () => {
    const files = ["a", "b", "c"];
    const opened: PromiseWithResolvers<void>[] = [];
    let running = 0;
    const one = reloader({
      async load() {
        expect(++running).toBe(1);
        const read = files.shift() as string;
        const open = Promise.withResolvers<void>();
        opened.push(open);
        await open.promise;
        running--;
        return config(read);
      },
    });
    const first = one.reload("SIGHUP");
    await settle();
    const waiting = [one.reload("SIGHUP"), one.reload("file changed"), one.reload("POST /-/reload")];
    await settle();
    expect(opened).toHaveLength(1);
    opened[0]?.resolve();
    await first;
    await settle();
    expect([applied, opened.length]).toEqual([["a"], 2]);
    // Too late for the one under way, which may have read the file before.
    const late = one.reload("SIGHUP");
    opened[1]?.resolve();
    await Promise.all(waiting);
    await settle();
    opened[2]?.resolve();
    await late;
    expect([applied, one.status.generation]).toEqual([["a", "b", "c"], 4]);
  });

  test("go on after an error inside the agent, which is a refusal, logged and counted", async () => {
    const answers = [() => Promise.reject(unusable), async () => config("good")];
    const one = reloader({
      load: () => (answers.shift() as () => Promise<AgentConfig>)(),
      onUnusable() {
        throw new Error("boom");
      },
    });
    expect(await one.reload("SIGHUP")).toEqual({ outcome: "refused", reason: "internal", message: "boom" });
    expect(log.messages("error")).toEqual(["An error inside the agent while the configuration was reloaded"]);
    expect(await metric("agent_config_reloads_total", { result: "internal" })).toBe(1);
    expect(await one.reload("SIGHUP")).toEqual({ outcome: "applied" });
  });

  test("go on after one that failed", async () => {
    const answers = [() => Promise.reject(unusable), async () => config("good")];
    const one = reloader({ load: () => (answers.shift() as () => Promise<AgentConfig>)() });
    const [bad, good] = await Promise.all([one.reload("SIGHUP"), settle().then(() => one.reload("SIGHUP"))]);
    expect([bad.outcome, good.outcome, applied]).toEqual(["refused", "applied", ["good"]]);
  });
});
