import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually, runChild } from "../support/child.ts";
import { type PushServer, type ReceivedProfile, startPushServer } from "../support/push-server.ts";
import { agentCommand, startAgent } from "./agent.ts";
import { goCommand, startGoTarget, type TargetRequest } from "./go-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const examples = join(import.meta.dirname, "..", "..", "examples", "seeds");

// A first scrape begins within the interval of 15 s; the rest is for two busy cores.
const firstScrapesMs = 20_000;

const onByDefault = {
  paths: [
    "/debug/pprof/allocs",
    "/debug/pprof/block",
    "/debug/pprof/goroutine",
    "/debug/pprof/mutex",
    "/debug/pprof/profile?seconds=14",
  ],
  types: ["memory", "block", "goroutine", "mutex", "process_cpu"],
};
const withFgprof = {
  paths: [
    "/debug/fgprof?seconds=14",
    "/debug/pprof/allocs",
    "/debug/pprof/goroutine",
    "/debug/pprof/profile?seconds=14",
  ],
  types: ["fgprof", "memory", "goroutine", "process_cpu"],
};

interface Example {
  /** The file, without `.toml`. */
  readonly name: string;
  /** The addresses in it, with their own label. */
  readonly targets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What the URL in it answers with, likewise. */
  readonly discovered?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What the documentation says will be requested of each; anything else must not be. */
  readonly paths: readonly string[];
  /** `__name__` of what these yield. */
  readonly types: readonly string[];
  /** Labels of every series beside `__name__`, `__delta__` and `instance`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Those of the configuration; an `x-scope-orgid` that is not here must not be sent. */
  readonly headers: Readonly<Record<string, string>>;
}

const local = {
  "localhost:4100": { service_name: "pyroscope" },
  "localhost:12345": { service_name: "agent" },
};

const table: readonly Example[] = [
  {
    name: "scrape-default-endpoints",
    targets: local,
    ...onByDefault,
    labels: { job: "pyroscope.scrape.local" },
    headers: {},
  },
  {
    name: "scrape-dynamic-targets",
    targets: {},
    discovered: { "10.0.0.1:6060": { service_name: "shop", rack: "r1" }, "10.0.0.2:6060": { service_name: "cart" } },
    ...onByDefault,
    labels: { job: "pyroscope.scrape.local" },
    headers: {},
  },
  {
    name: "scrape-static-and-dynamic-targets",
    targets: { "localhost:4040": { service_name: "pyroscope" }, "localhost:12345": { service_name: "agent" } },
    discovered: { "10.0.0.1:6060": { service_name: "shop" } },
    ...onByDefault,
    labels: { job: "pyroscope.scrape.local" },
    headers: {},
  },
  {
    name: "scrape-enabling-and-disabling",
    targets: { "localhost:12345": { service_name: "agent" } },
    ...withFgprof,
    labels: { job: "pyroscope.scrape.local" },
    headers: {},
  },
  {
    name: "scrape-agent-and-server",
    targets: local,
    ...withFgprof,
    labels: { job: "pyroscope.scrape.local" },
    headers: {},
  },
  {
    name: "phlare-scrape",
    targets: { "localhost:4100": { app: "phlare" }, "localhost:12345": { app: "agent" } },
    ...withFgprof,
    labels: { job: "phlare.scrape.local" },
    headers: {},
  },
  {
    name: "write-headers-and-external-labels",
    targets: { "pyroscope:4100": { service_name: "pyroscope" }, "agent:12345": { service_name: "agent" } },
    ...onByDefault,
    labels: { env: "staging", job: "pyroscope.scrape.default" },
    headers: { "x-scope-orgid": "squad-1" },
  },
];

/** Answers as the documentation's https://example.com/scrape_targets. */
async function startSdServer(groups: unknown): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(groups));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scrape_targets`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Each URL that was requested, once, in order. */
function requestedOf(requests: readonly TargetRequest[]): string[] {
  return [...new Set(requests.map(({ Path, Query }) => (Query ? `${Path}?${Query}` : Path)))].sort();
}

/** What arrived of one type of one instance. */
function received(server: PushServer, wanted: Readonly<Record<string, string>>): ReceivedProfile[] {
  return server.accepted.filter(({ labels }) =>
    ["__name__", "instance"].every((name) => labels[name] === wanted[name]),
  );
}

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
    async ({ name, targets, discovered = {}, paths, types, labels, headers }) => {
      await using server = await startPushServer();
      await using started = new AsyncDisposableStack();
      const programs = await Promise.all(
        Object.entries({ ...targets, ...discovered }).map(async ([address, own]) => {
          const program = await startGoTarget();
          started.use(program);
          return { address, own, program };
        }),
      );
      // The addresses are the documentation's; real programs listen elsewhere.
      let config = readFileSync(join(examples, `${name}.toml`), "utf8").replace("http://pyroscope:4100", server.url);
      for (const { address, program } of programs) config = config.replace(`"${address}"`, `"${program.address}"`);
      const dynamic = programs.filter(({ address }) => address in discovered);
      await using sd = await startSdServer(
        dynamic.map(({ program, own }) => ({ targets: [program.address], labels: own })),
      );
      config = config.replace("https://example.com/scrape_targets", sd.url);
      await using agent = await startAgent(config);
      // Nothing is scheduled but what is documented, so that what has not been asked for by the end of this test never is.
      const documented = programs.flatMap(({ program }) => paths.map((path) => `http://${program.address}${path}`));
      await eventually("the targets are discovered", async () =>
        (await agent.targets()).length >= documented.length ? true : undefined,
      );
      const scheduled = (await agent.targets()).map(({ url }) => url);
      expect(scheduled.sort()).toEqual(documented.sort());

      // Every first scrape begins within one interval, the documentation's 15 s; one of 14 seconds is seen when it begins.
      await eventually(
        "every URL was requested",
        async () => {
          const asked = await Promise.all(programs.map(async ({ program }) => requestedOf(await program.requests())));
          return asked.every((urls) => paths.every((path) => urls.includes(path))) || undefined;
        },
        firstScrapesMs,
      );
      for (const { program } of programs) expect(requestedOf(await program.requests())).toEqual([...paths]);

      // These two need no second scrape and no 14 seconds.
      const immediate = programs.flatMap(({ own, program }) => {
        const shared = { ...labels, ...own, instance: program.address };
        return [
          { ...shared, __name__: "memory", __delta__: "false" },
          { ...shared, __name__: "goroutine" },
        ];
      });
      await server.waitFor(() => immediate.every((series) => received(server, series).length > 0));
      for (const series of immediate)
        for (const profile of received(server, series)) expect(profile.labels).toEqual(series);
      // Whatever else has come by now is of a documented type, too, and bears the same labels and headers.
      const own = new Map(programs.map((one) => [one.program.address, one.own]));
      for (const profile of server.accepted) {
        const { __name__: type = "", __delta__: delta, instance = "", ...rest } = profile.labels;
        expect(types).toContain(type);
        expect(delta).toBe(["memory", "block", "mutex"].includes(type) ? "false" : undefined);
        expect(rest).toEqual({ ...labels, ...own.get(instance) });
        expect(profile.headers["x-scope-orgid"]).toBe(headers["x-scope-orgid"]);
      }
      expect(server.rejected).toEqual([]);
      expect((await agent.targets()).filter(({ health }) => health === "down")).toEqual([]);
    },
  );
});
