import process from "node:process";
import { join } from "node:path";
import { startChild } from "../support/child.ts";
import { AgentUnderFaults } from "./agent-process.ts";
import { FaultServer } from "./fault-server.ts";
import { drawUp, type Ledger, type LedgerOptions } from "./ledger.ts";

export interface WorldOptions {
  readonly targets?: number;
  /** Lines of the table of each endpoint: `queue = { … }`. */
  readonly endpoint?: string;
  /** Servers, each an endpoint of its own; 1 by default. */
  readonly servers?: number;
  /** Whether each endpoint is of a component of its own, with its own log on disk. */
  readonly apart?: boolean;
  readonly storage?: string;
}

/** One endpoint in the configuration. */
export interface EndpointSpec {
  /** To which of the servers it pushes. */
  readonly server: number;
  readonly name?: string;
  /** Behind the server's URL, which takes any. */
  readonly path?: string;
  readonly lines?: string;
}

export interface ConfigureOptions {
  readonly externalLabels?: string;
  readonly targets?: number;
  /** One for each server by default. */
  readonly endpoints?: readonly EndpointSpec[];
}

/** Everything that one scenario runs: targets, one or two servers, the agent. */
export interface World extends AsyncDisposable {
  readonly agent: AgentUnderFaults;
  readonly server: FaultServer;
  readonly servers: readonly FaultServer[];
  /** Writes the configuration again. */
  readonly configure: (options?: ConfigureOptions) => void;
  /** Counts what the targets answer from now on; the result gives scrapes done of due. */
  readonly watchSchedule: () => Promise<() => Promise<number>>;
  readonly ledger: (server: FaultServer, options?: Pick<LedgerOptions, "owed">) => Ledger;
}

const intervalMs = 1000;
const types = ["allocs", "goroutine", "block", "mutex"];

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const { targets: count = 6, endpoint = "", servers: serverCount = 1, apart = false, storage } = options;
  const targets = startChild([process.execPath, join(import.meta.dirname, "targets.ts")]);
  const [, port] = await targets.waitFor(/listening on (\d+)/);
  const servers = await Promise.all(Array.from({ length: serverCount }, () => FaultServer.start()));
  const agent = new AgentUnderFaults(storage === undefined ? {} : { storage });
  /** How often each (target, type) has answered. */
  const stats = async (): Promise<ReadonlyMap<string, number>> => {
    const answers = (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Record<string, number>;
    return new Map(Object.entries(answers));
  };
  /** Names that endpoints had, and where these push. */
  const names = new Map<string, FaultServer>();
  const endpointOf = ({ server: at, name, path = "", lines = endpoint }: EndpointSpec): string => {
    const server = servers[at] as FaultServer;
    const url = `${server.url}${path}`;
    names.set(name ?? url, server);
    const named = name === undefined ? "" : `name = "${name}"\n`;
    return `[[pyroscope.write.${componentOf(at, apart)}.endpoint]]\n${named}url = "${url}"\n${lines}\n`;
  };
  const configure: World["configure"] = ({ externalLabels = "", targets: wanted = count, endpoints } = {}) => {
    const list = Array.from(
      { length: wanted },
      (_, at) => `  { __address__ = "127.2.0.${at + 1}:${port}", service_name = "target-${at + 1}" },`,
    );
    const components = [...new Set(servers.map((_, at) => componentOf(at, apart)))];
    agent.configure(`
[pyroscope.scrape.targets]
forward_to = [${components.map((name) => `"pyroscope.write.${name}"`).join(", ")}]
scrape_interval = "${intervalMs}ms"
targets = [
${list.join("\n")}
]
[pyroscope.scrape.targets.profiling_config.profile]
process_cpu.enabled = false
block.enabled = true
mutex.enabled = true

${components.map((name) => `[pyroscope.write.${name}]\nexternal_labels = { ${externalLabels} }`).join("\n")}

${(endpoints ?? servers.map((_, server) => ({ server }))).map(endpointOf).join("\n")}
`);
  };
  configure();
  return {
    agent,
    server: servers[0] as FaultServer,
    servers,
    configure,
    async watchSchedule() {
      const [beforeMs, before] = [performance.now(), await stats()];
      return async () => {
        const due = Math.floor((performance.now() - beforeMs) / intervalMs);
        // Of each by itself: what one does too often makes up for no other.
        const done = [...(await stats())].map(([series, answers]) =>
          Math.min(due, answers - (before.get(series) ?? 0)),
        );
        return done.reduce((sum, one) => sum + one, 0) / (due * count * types.length);
      };
    },
    ledger: (server, { owed } = {}) => {
      agent.look();
      return drawUp(agent, server, { pushesHere: (name) => names.get(name) === server, owed });
    },
    async [Symbol.asyncDispose]() {
      agent.dispose();
      await Promise.all([targets.stop("SIGKILL"), ...servers.map((server) => server.close())]);
    },
  };
}

/** The label of the component that has the endpoint of this server. */
export function componentOf(server: number, apart: boolean): string {
  return apart ? `server_${server}` : "server";
}
