import { createServer } from "node:net";
import { hostPort } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { flagValue, type Run } from "./command.ts";
import type { CliIo } from "./io.ts";
import { loadFromTree, parseListenAddress } from "./load.ts";
import { runUntilSignal } from "./run.ts";

/** `agent demo`: the agent scrapes itself and keeps the profiles. */
export const demo: Run = (line, io) => {
  const onReady = (url: string): void =>
    io.out(`The agent profiles itself. The first profiles show within 10 seconds:\n\n  ${url}\n\nCtrl-C ends it.\n`);
  return runUntilSignal(line, io, { load: () => loadDemo(flagValue(line, "listen"), io), onReady });
};

/** The agent is its own target, so its port must be known before it listens. Not told one, a demo moves aside. */
async function loadDemo(listen: string | undefined, io: CliIo): Promise<Config> {
  const { listen_address: address, host, port } = await parseListenAddress(listen ?? "127.0.0.1:12345", io);
  if (port !== 0 && (listen !== undefined || (await isFree(host, port)))) return loadFromTree(demoTree(address), io);
  return loadFromTree(demoTree(hostPort(host, await freePort(host))), io);
}

/** The configuration of the demo, as a file would have it. */
function demoTree(address: string): Record<string, unknown> {
  const off = { enabled: false };
  return {
    server: { listen_address: address },
    pyroscope: {
      scrape: {
        self: {
          targets: [{ __address__: address.replace(/^:/, "localhost:"), service_name: "pprof-agent" }],
          forward_to: ["pyroscope.store.local"],
          scrape_interval: "5s",
          // What a JavaScript runtime has.
          profiling_config: {
            profile: { memory: { path: "/debug/pprof/heap" }, block: off, goroutine: off, mutex: off },
          },
        },
      },
      store: { local: {} },
    },
  };
}

async function isFree(host: string, port: number): Promise<boolean> {
  return (await bind(host, port)) !== undefined;
}

async function freePort(host: string): Promise<number> {
  return (await bind(host, 0)) ?? 0;
}

/** The port that a listener there gets; `undefined` where there can be none. */
function bind(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(undefined));
    server.listen(port, host || undefined, () => {
      const { port: bound } = server.address() as { port: number };
      server.close(() => resolve(bound));
    });
  });
}
