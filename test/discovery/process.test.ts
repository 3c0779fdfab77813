import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ProcessArguments } from "../../src/discovery/process/arguments.ts";
import { processFinder } from "../../src/discovery/process/process-finder.ts";
import { processKind } from "../../src/discovery/process.ts";
import { startAgent } from "../e2e/agent.ts";
import { buildGoTarget, goCommand } from "../e2e/go-target.ts";
import { type Child, eventually, runChild, startChild } from "../support/child.ts";
import { testContext } from "../support/context.ts";
import { startPushServer } from "../support/push-server.ts";
import { parseIn, type RunningDiscovery, runDiscovery } from "./running-discovery.ts";

// Real processes.
setDefaultTimeout(30_000);

const isLinux = process.platform === "linux";

interface GoProgram extends AsyncDisposable {
  readonly child: Child;
  readonly address: string;
  readonly port: number;
  /** The paths that this test asked it for; other agents on this machine may ask it too. */
  asked(): Promise<readonly string[]>;
}

describe.skipIf(!isLinux || goCommand === undefined)("discovery.process", () => {
  const directory = mkdtempSync(join(tmpdir(), "processes-"));
  // Longer than the names that Linux keeps, and nobody else's.
  const name = `plant-controller-${process.pid}`;
  const program = join(directory, name);

  beforeAll(async () => copyFileSync(await buildGoTarget(), program));
  afterAll(() => rmSync(directory, { recursive: true }));

  async function startProgram(address = "127.0.0.1:0"): Promise<GoProgram> {
    const child = startChild([program, "-addr", address]);
    const [, host = "", port = ""] = await child.waitFor(/^(\S+):(\d+)$/m);
    const bound = `127.0.0.1:${port}`;
    expect(host).not.toBe("");
    return {
      child,
      address: bound,
      port: Number(port),
      async asked() {
        const requests = (await (await fetch(`http://${bound}/requests`)).json()) as {
          readonly Path: string;
          readonly Agent: string;
        }[];
        return requests.filter(({ Agent }) => Agent === "pprof-agent/test").map(({ Path }) => Path);
      },
      [Symbol.asyncDispose]: async () => void (await child.stop("SIGKILL")),
    };
  }

  async function looks(discovery: RunningDiscovery, times: number): Promise<void> {
    await eventually(`${times} looks`, async () => {
      const [, count = "0"] = /^discovery_refreshes_total\{[^}]*\} (\d+)$/m.exec(await discovery.metricsText()) ?? [];
      return Number(count) >= times ? true : undefined;
    });
  }

  test("finds a program that answers pprof, asks it once, and tells all that there is to know", async () => {
    await using go = await startProgram();
    await using discovery = runDiscovery(processKind, { ports: go.port, refresh_interval: "20ms" });
    await discovery.untilAddresses([go.address]);
    const { __meta_process_cgroup: cgroup = "", ...others } = discovery.targets()[0] ?? {};
    expect(others).toEqual({
      __address__: go.address,
      __meta_process_pid: String(go.child.pid),
      __meta_process_name: name,
      __meta_process_exe: program,
      __meta_process_user: (await runChild(["id", "--user", "--name"])).stdout.trim(),
    });
    // Which of several lines it is depends on the system.
    if (cgroup !== "") expect(readFileSync(`/proc/${go.child.pid}/cgroup`, "utf8")).toContain(`:${cgroup}\n`);
    await looks(discovery, 10);
    expect(await go.asked()).toEqual(["/debug/pprof/"]);
  });

  test("follows programs that end and start again at the same port, which are asked again", async () => {
    const first = await startProgram("0.0.0.0:0");
    await using discovery = runDiscovery(processKind, { ports: [first.port], refresh_interval: "20ms" });
    await discovery.untilAddresses([first.address]);
    await first.child.stop("SIGKILL");
    await discovery.untilAddresses([]);
    await using second = await startProgram(`0.0.0.0:${first.port}`);
    await discovery.untilAddresses([second.address]);
    expect(discovery.targets()[0]).toMatchObject({ __meta_process_pid: String(second.child.pid) });
    expect(await second.asked()).toEqual(["/debug/pprof/"]);
  });

  test("finds a program that listens to IPv6 only", async () => {
    await using go = await startProgram("[::1]:0").catch(() => startProgram());
    await using discovery = runDiscovery(processKind, { ports: [go.port], refresh_interval: "20ms" });
    await eventually("it is found", () => (discovery.targets().length === 1 ? true : undefined));
    expect(discovery.addresses()[0]).toMatch(/^(\[::1\]|127\.0\.0\.1):\d+$/);
  });

  test("bothers strangers once and never makes targets of them", async () => {
    const strangers = startChild([process.execPath, join(import.meta.dirname, "strangers.ts")]);
    try {
      const kinds = ["silent", "banner", "hangs-up", "not-found", "page", "elsewhere", "huge"];
      const ports = await Promise.all(
        kinds.map(async (kind) => (await strangers.waitFor(new RegExp(`^${kind} (\\d+)$`, "m")))[1]),
      );
      await using discovery = runDiscovery(processKind, { ports, refresh_interval: "20ms" });
      await looks(discovery, 5);
      expect(discovery.addresses()).toEqual([]);
      for (const kind of kinds) expect(strangers.output().match(new RegExp(`^asked ${kind}$`, "gm"))).toHaveLength(1);
      expect(await discovery.metricsText()).toContain('reason="not_pprof"} 1');
    } finally {
      await strangers.stop("SIGKILL");
    }
  });

  test("asks nobody that does not match, and nobody at all without probe", async () => {
    await using go = await startProgram();
    const args = { ports: [`${go.port}-${go.port}`], refresh_interval: "20ms" };
    await using discovery = runDiscovery(processKind, { ...args, match: "plant|other" });
    await looks(discovery, 3);
    expect(await discovery.metricsText()).toContain('reason="no_match"} 1');
    const match = "plant-.*|other";
    await processKind.prepare?.({ match });
    discovery.apply({ ...args, match, probe: false, include_cmdline: true });
    await discovery.untilAddresses([go.address]);
    expect(discovery.targets()[0]).toMatchObject({ __meta_process_cmdline: `${program} -addr 127.0.0.1:0` });
    expect(await go.asked()).toEqual([]);
  });

  test("asks for another path, whose prefix becomes that of the profiles", async () => {
    await using go = await startProgram();
    const args = { ports: [go.port], refresh_interval: "20ms" };
    await using discovery = runDiscovery(processKind, { ...args, probe_path: "/debug/pprof/allocs" });
    await discovery.untilAddresses([go.address]);
    expect(discovery.targets()[0]).not.toHaveProperty("__profile_path_prefix__");
    discovery.apply({ ...args, probe: false, probe_path: "/admin/debug/pprof/" });
    await eventually("the prefix is there", () => discovery.targets()[0]?.["__profile_path_prefix__"]);
    expect(discovery.targets()[0]?.["__profile_path_prefix__"]).toBe("/admin");
    expect(await go.asked()).toEqual(["/debug/pprof/allocs"]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "asks the processes of others for their names, if it may not see them",
    async () => {
      await using go = await startProgram();
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const script = [process.execPath, join(import.meta.dirname, "find-processes.ts")];
      const args = JSON.stringify({ ports: [go.port] });
      const { stdout, stderr } = await runChild([...nobody, ...script, args], { env: { HOME: "/tmp" } });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual([
        { __address__: go.address, __meta_process_name: name, __meta_process_user: "root" },
      ]);
      expect(await go.asked()).toEqual(["/debug/pprof/", "/debug/pprof/cmdline"]);
    },
  );

  test("does not find the agent itself", async () => {
    const { createServer } = await import("node:http");
    const server = createServer((_request, response) => response.end("/debug/pprof/ heap goroutine"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { readonly port: number };
    await using discovery = runDiscovery(processKind, { ports: [port], probe: false, refresh_interval: "20ms" });
    await looks(discovery, 3);
    expect(discovery.addresses()).toEqual([]);
    server.close();
  });

  test("feeds a running agent: a program is scraped whose address nobody wrote down, under its own name", async () => {
    await using server = await startPushServer();
    await using go = await startProgram();
    await using agent = await startAgent(`
[discovery.process.all]
match = "${name}"
refresh_interval = "1s"
[pyroscope.scrape.all]
targets = ["discovery.process.all"]
forward_to = ["pyroscope.write.test"]
scrape_interval = "2s"
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`);
    const types = ["goroutine", "memory", "process_cpu"];
    const sent = (type: string) => server.accepted.filter(({ labels }) => labels["__name__"] === type);
    // The CPU profile of an idle program is empty, and nothing of it is sent.
    const load = setInterval(() => void fetch(`http://${go.address}/control/burn?ms=100`, { method: "POST" }), 300);
    try {
      await server.waitFor(() => types.every((type) => sent(type).length > 0), { timeoutMs: 20_000 });
    } finally {
      clearInterval(load);
    }
    for (const type of types)
      expect(sent(type)[0]?.labels).toMatchObject({
        service_name: name,
        instance: go.address,
        job: "pyroscope.scrape.all",
      });
    expect(await agent.metric("discovery_targets", { component_id: "discovery.process.all" })).toBe(1);
  });
});

describe("discovery.process", () => {
  test("says that it needs Linux", async () => {
    const args = parseIn<ProcessArguments>("/", processKind, {});
    const stop = new AbortController();
    const errors: unknown[] = [];
    const nothing = (): void => undefined;
    await processFinder(args, { ...testContext(), platform: "darwin" }).run(stop.signal, {
      found: () => true,
      gone: nothing,
      skipped: nothing,
      complete: nothing,
      settled: nothing,
      failed: (_source, error) => {
        errors.push(error);
        stop.abort();
      },
    });
    expect(errors).toEqual([
      expect.objectContaining({ reason: "unsupported", message: expect.stringContaining(`on "darwin"`) }),
    ]);
  });

  const refused: readonly [written: object, says: string][] = [
    [{ ports: "0" }, 'expected a port such as 6060 or a range such as "6060-6069"'],
    [{ ports: ["9-8"] }, "from 1 to 65535"],
    [{ ports: [70_000] }, "from 1 to 65535"],
    [{ ports: [true] }, "expected a port"],
    [{ match: "(" }, "is no RE2 expression"],
    [{ probe_path: "debug/pprof" }, 'expected a path such as "/debug/pprof/"'],
  ];

  test.each(refused)("refuses %j", async (written, says) => {
    await processKind.prepare?.(written);
    expect(() => parseIn("/", processKind, written)).toThrow(says);
  });
});
