import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { agentCommand } from "../e2e/agent.ts";
import { eventually, runChild, startChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";

let directory: string;
/** Takes connections and never says a word. */
let silent: Server;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "pprof-agent-cli-"));
  silent = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
  silent.close();
});

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const storeOnly = "[pyroscope.store.local]\n";

describe("agent run", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test.concurrent(`ends with exit code 0 on ${signal}`, async () => {
      const child = startChild([...agentCommand, "run", file("ok.toml", storeOnly), "--listen", "127.0.0.1:0"]);
      await child.waitFor(/Agent started/);
      const { exit, tookMs } = await child.stop(signal);
      expect(exit).toBe(0);
      expect(tookMs).toBeLessThan(2000);
      expect(child.stdout()).toBe("");
      expect(child.stderr()).toMatch(/level=info msg=Stopping signal=SIG[A-Z]+\n.*msg="Agent stopped"\n$/);
    });

  test.concurrent("says once at the start what check warns of, files that are not there included", async () => {
    const text = `[[pyroscope.write.central.endpoint]]
url = "https://localhost"
bearer_token_file = "no-token"
`;
    const child = startChild([...agentCommand, "run", file("warned.toml", text), "--listen", "127.0.0.1:0"]);
    await child.waitFor(/Agent started/);
    expect((await child.stop("SIGTERM")).exit).toBe(0);
    const warnings = child.stderr().match(/level=warn .*/g);
    expect(warnings).toHaveLength(1);
    expect(warnings?.[0]).toContain("Cannot read the bearer token from");
  });

  test.concurrent("reloads its file on SIGHUP and goes on", async () => {
    const child = startChild([...agentCommand, "run", file("hup.toml", storeOnly), "--listen", "127.0.0.1:0"]);
    await child.waitFor(/Agent started/);
    process.kill(child.pid, "SIGHUP");
    await child.waitFor(/msg="Configuration reloaded" trigger=SIGHUP generation=2/);
    expect((await child.stop("SIGTERM")).exit).toBe(0);
  });

  test.concurrent("has no --watch without a file", async () => {
    const { exit, stderr } = await runChild([...agentCommand, "--target", "localhost:6060", "--watch"]);
    expect([exit, stderr]).toEqual([2, 'agent: Flag "--watch" needs a file: --config FILE\nSee "agent --help"\n']);
  });

  test.concurrent("with a target and no server says where the first profiles will show", async () => {
    const target = `127.0.0.1:${await freePort()}`;
    const child = startChild([...agentCommand, "--target", target, "--listen", "127.0.0.1:0"]);
    await child.waitFor(/Agent started/);
    await child.stop("SIGTERM");
    expect(child.stdout()).toMatch(/^The first profiles show within 10 seconds:\n\n {2}http:\/\/127\.0\.0\.1:\d+\/\n$/);
  });

  test.concurrent("ends at once on a second signal, with 128 plus its number", async () => {
    const port = await freePort();
    const config = file(
      "stuck.toml",
      `server.listen_address = "127.0.0.1:${port}"
[pyroscope.scrape.self]
targets = [{ __address__ = "127.0.0.1:${port}" }]
forward_to = ["pyroscope.write.silent"]
scrape_interval = "2s"
[[pyroscope.write.silent.endpoint]]
url = "http://127.0.0.1:${portOf(silent)}"
`,
    );
    const pushed = new Promise<void>((resolve) => silent.once("connection", () => resolve()));
    const child = startChild([...agentCommand, "--config", config]);
    await child.waitFor(/Agent started/);
    await pushed;
    process.kill(child.pid, "SIGTERM");
    await child.waitFor(/Stopping/);
    expect((await child.stop("SIGINT")).exit).toBe(130);
  });

  test.concurrent("ends with exit code 1 where it cannot listen, and says where to choose another address", async () => {
    const address = `127.0.0.1:${portOf(silent)}`;
    const { exit, stderr } = await runChild([
      ...agentCommand,
      "run",
      file("taken.toml", storeOnly),
      "--listen",
      address,
    ]);
    expect(exit).toBe(1);
    expect(stderr).toStartWith(`agent: Cannot listen on "${address}": another process listens there`);
    expect(stderr).toContain("--listen");
  });

  test.concurrent("logs what is legal but probably not meant", async () => {
    const config = file("odd.toml", "[pyroscope.write.nowhere]\n");
    const child = startChild([...agentCommand, "--config", config, "--listen", "127.0.0.1:0", "--log-format", "json"]);
    await child.waitFor(/Agent started/);
    await child.stop();
    const lines = child
      .stderr()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(lines[0]).toMatchObject({ level: "warn" });
    expect(lines[0]?.["warning"]).toContain("pyroscope.write.nowhere");
  });

  test.concurrent("takes level and format of the log from the file, and flags over it", async () => {
    const config = file("quiet.toml", `logging = { level = "error", format = "json" }\n${storeOnly}`);
    const started = async (...flags: string[]): Promise<string> => {
      const port = await freePort();
      const child = startChild([...agentCommand, "--config", config, "--listen", `127.0.0.1:${port}`, ...flags]);
      await eventually(
        "the agent is ready",
        async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok || undefined,
      );
      await child.stop();
      return child.stderr();
    };
    expect(await started()).toBe("");
    expect(await started("--log-level", "info")).toStartWith("{");
    expect(await started("--log-level", "info", "--log-format", "logfmt")).toStartWith("ts=");
  });
});

describe("agent demo", () => {
  test.concurrent("prints the address of its page and soon keeps profiles of itself", async () => {
    const child = startChild([...agentCommand, "demo", "--listen", "127.0.0.1:0"], { cwd: directory });
    await child.waitFor(/Ctrl-C/);
    const [url] = child.stdout().match(/http:\S+/) ?? [];
    expect(await (await fetch(url ?? "")).text()).toContain("pprof-agent");
    await eventually(
      "CPU and memory profiles are kept",
      async () => {
        const { profiles } = (await (await fetch(`${url}api/v0/profiles`)).json()) as { profiles: { type: string }[] };
        const types = new Set(profiles.map(({ type }) => type));
        // V8 samples what was allocated since the first scrape and still lives, which may be nothing for a while.
        const memory = types.has("memory") || process.env["AGENT_UNDER_TEST"] === "deno";
        return (types.has("process_cpu") && memory) || undefined;
      },
      15_000,
    );
    expect((await child.stop("SIGINT")).exit).toBe(0);
  }, 20_000);

  test.concurrent("moves to another port where the usual one is taken", async () => {
    // Whoever else listens there may end at any moment, or never: then it is taken as well.
    const usual = await eventually("it is free", () => listening(12_345), 20_000).catch(() => undefined);
    const child = startChild([...agentCommand, "demo"], { cwd: directory });
    await child.waitFor(/Ctrl-C/);
    expect(child.stdout()).not.toContain(":12345/");
    await child.stop();
    usual?.close();
  }, 60_000);
});

/** A server at the port, `undefined` where another one has it. */
function listening(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
