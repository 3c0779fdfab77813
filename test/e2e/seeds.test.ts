import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { runChild } from "../support/child.ts";
import { startPushServer } from "../support/push-server.ts";
import { agentCommand, startAgent } from "./agent.ts";
import { goCommand, startGoTarget } from "./go-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const examples = join(import.meta.dirname, "..", "..", "examples", "seeds");

const onByDefault = [
  "/debug/pprof/allocs",
  "/debug/pprof/block",
  "/debug/pprof/goroutine",
  "/debug/pprof/mutex",
  "/debug/pprof/profile?seconds=14",
];
const withFgprof = [
  "/debug/fgprof?seconds=14",
  "/debug/pprof/allocs",
  "/debug/pprof/goroutine",
  "/debug/pprof/profile?seconds=14",
];

interface Example {
  /** The file, without `.toml`. */
  readonly name: string;
  /** The addresses in it, with their own label. */
  readonly targets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What the documentation says will be requested of each; anything else must not be. */
  readonly paths: readonly string[];
  /** Labels of every series beside `__name__`, `__delta__` and `instance`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const local = {
  "localhost:4100": { service_name: "pyroscope" },
  "localhost:12345": { service_name: "agent" },
};

const table: readonly Example[] = [
  {
    name: "scrape-default-endpoints",
    targets: local,
    paths: onByDefault,
    labels: { job: "pyroscope.scrape.local" },
  },
  {
    name: "scrape-enabling-and-disabling",
    targets: { "localhost:12345": { service_name: "agent" } },
    paths: withFgprof,
    labels: { job: "pyroscope.scrape.local" },
  },
  {
    name: "scrape-agent-and-server",
    targets: local,
    paths: withFgprof,
    labels: { job: "pyroscope.scrape.local" },
  },
  {
    name: "phlare-scrape",
    targets: { "localhost:4100": { app: "phlare" }, "localhost:12345": { app: "agent" } },
    paths: withFgprof,
    labels: { job: "phlare.scrape.local" },
  },
  {
    name: "write-headers-and-external-labels",
    targets: { "pyroscope:4100": { service_name: "pyroscope" }, "agent:12345": { service_name: "agent" } },
    paths: onByDefault,
    labels: { env: "staging", job: "pyroscope.scrape.default" },
    headers: { "x-scope-orgid": "squad-1" },
  },
];

interface Plan {
  readonly components: readonly { readonly scrapes: readonly { readonly url: string }[] }[];
}

describe("the documentation's example", () => {
  test.concurrent.each(table)("$name is planned as it is documented", async ({ name, targets, paths }) => {
    const file = join(examples, `${name}.toml`);
    const { exit, stdout, stderr } = await runChild([...agentCommand, "check", "--config", file, "--json"]);
    expect(`${exit} ${stderr}`).toStartWith("0");
    const { components } = JSON.parse(stdout) as Plan;
    const urls = components.flatMap(({ scrapes }) => scrapes.map(({ url }) => url));
    const documented = Object.keys(targets).flatMap((address) => paths.map((path) => `http://${address}${path}`));
    expect(urls.sort()).toEqual(documented.sort());
  });

  test.concurrent.skipIf(goCommand === undefined).each(table)(
    "$name requests exactly those URLs and sends exactly those labels and headers",
    async ({ name, targets, paths, labels, headers }) => {
      await using server = await startPushServer();
      await using started = new AsyncDisposableStack();
      const programs = await Promise.all(
        Object.entries(targets).map(async ([address, own]) => {
          const program = await startGoTarget();
          started.use(program);
          return { address, own, program };
        }),
      );
      // The addresses are the documentation's; real programs listen elsewhere.
      let config = readFileSync(join(examples, `${name}.toml`), "utf8").replace("http://pyroscope:4100", server.url);
      for (const { address, program } of programs) config = config.replace(`"${address}"`, `"${program.address}"`);
      await using agent = await startAgent(config);
      // One interval of the documentation's 15 s, within which every first scrape begins.
      await new Promise((resolve) => setTimeout(resolve, 16_000));

      for (const { program } of programs) {
        const asked = (await program.requests()).map(({ Path, Query }) => (Query ? `${Path}?${Query}` : Path));
        expect([...new Set(asked)].sort()).toEqual([...paths]);
      }
      expect(server.accepted.length).toBeGreaterThan(0);
      for (const { labels: sent, headers: received } of server.accepted) {
        const { own = {}, program } = programs.find((one) => one.program.address === sent.instance) ?? {};
        const { __name__: type, __delta__: delta, ...rest } = sent;
        expect(rest).toEqual({ ...labels, ...own, instance: program?.address ?? "" });
        expect(delta).toBe(["memory", "block", "mutex"].includes(type as string) ? "false" : undefined);
        expect(received).toMatchObject(headers ?? {});
      }
      const types = new Set(server.accepted.map(({ labels: sent }) => sent["__name__"]));
      // What needs no second scrape and no 14 seconds has arrived by now.
      expect(types).toContain("memory");
      expect(types).toContain("goroutine");
      expect(server.rejected).toEqual([]);
      expect((await agent.targets()).filter(({ health }) => health === "down")).toEqual([]);
    },
  );
});
