import process from "node:process";
import { join } from "node:path";
import { startChild } from "../support/child.ts";
import { AgentUnderFaults } from "./agent-process.ts";
import { FaultServer } from "./fault-server.ts";
import { drawUp, type Ledger } from "./ledger.ts";

export interface WorldOptions {
  readonly targets?: number;
  /** Lines of the endpoint's table: `queue = { … }`. */
  readonly endpoint?: string;
  /** Servers, each an endpoint of its own; 1 by default. */
  readonly servers?: number;
  readonly storage?: string;
}

/** Everything that one scenario runs: targets, one or two servers, the agent. */
export interface World extends AsyncDisposable {
  readonly agent: AgentUnderFaults;
  readonly server: FaultServer;
  readonly servers: readonly FaultServer[];
  /** Writes the configuration again, with these external labels and so many targets. */
  readonly configure: (options?: { readonly externalLabels?: string; readonly targets?: number }) => void;
  /** Counts what the targets answer from now on; the result gives scrapes done of due. */
  watchSchedule(): Promise<() => Promise<number>>;
  ledger(server?: FaultServer): Ledger;
}

const intervalMs = 1000;
const types = ["allocs", "goroutine", "block", "mutex"];

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const { targets: count = 6, endpoint = "", servers: serverCount = 1, storage } = options;
  const targets = startChild([process.execPath, join(import.meta.dirname, "targets.ts")]);
  const [, port] = await targets.waitFor(/listening on (\d+)/);
  const servers = await Promise.all(Array.from({ length: serverCount }, () => FaultServer.start()));
  const agent = new AgentUnderFaults(storage === undefined ? {} : { storage });
  const stats = async (): Promise<number> => {
    const answers = (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Record<string, number>;
    return Object.values(answers).reduce((sum, one) => sum + one, 0);
  };
  const configure: World["configure"] = ({ externalLabels = "", targets: wanted = count } = {}) => {
    const list = Array.from(
      { length: wanted },
      (_, at) => `  { __address__ = "127.2.0.${at + 1}:${port}", service_name = "target-${at + 1}" },`,
    );
    const endpoints = servers.map(({ url }) => `[[pyroscope.write.server.endpoint]]\nurl = "${url}"\n${endpoint}\n`);
    agent.configure(`
[pyroscope.scrape.targets]
forward_to = ["pyroscope.write.server"]
scrape_interval = "${intervalMs}ms"
targets = [
${list.join("\n")}
]
[pyroscope.scrape.targets.profiling_config.profile]
process_cpu.enabled = false
block.enabled = true
mutex.enabled = true

[pyroscope.write.server]
external_labels = { ${externalLabels} }

${endpoints.join("\n")}
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
        const due = ((performance.now() - beforeMs) / intervalMs) * count * types.length;
        return ((await stats()) - before) / due;
      };
    },
    ledger: (server = servers[0]) => {
      agent.look();
      return drawUp(agent, server as FaultServer);
    },
    async [Symbol.asyncDispose]() {
      agent.dispose();
      await Promise.all([targets.stop("SIGKILL"), ...servers.map((server) => server.close())]);
    },
  };
}
