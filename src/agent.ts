/**
 * The composition of the agent: configuration → components in a graph → listener with the debug side, until a signal.
 *
 * Constraints: nothing runs before the listener is bound, so that a second agent on the box ends before it scrapes; the debug
 * side answers until the last component has ended.
 */
import process from "node:process";
import { AgentError, type Clock, systemClock } from "./base/index.ts";
import { type ComponentConfig, Graph } from "./component/index.ts";
import {
  collectProcessMetrics,
  createMetrics,
  type Logger,
  type Metrics,
  measureEventLoopLag,
} from "./observability/index.ts";
import { ListenError, type Listener, loadRuntime, type Runtime } from "./runtime/index.ts";
import { createSelfProfile } from "./selfprofile/index.ts";
import { createApp } from "./server/index.ts";
import { summarizeHourly } from "./summary.ts";
import { commit, userAgent, version } from "./version.ts";

/** What the agent needs of a loaded configuration. */
export interface AgentConfig {
  /** An empty `host` means every address of the machine. */
  readonly server: { readonly host: string; readonly port: number };
  readonly storage: { readonly path: string };
  readonly components: readonly ComponentConfig[];
  /** Tells one configuration from another; shown in a metric and on the page, so nothing secret may be told from it. */
  readonly hash: string;
}

// Not "::": a machine without IPv6 could not listen there.
const everyAddress = "0.0.0.0";
// What somebody reads at the very end is answered; a CPU profile of half a minute is not waited for.
const listenerDrainMs = 500;

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Told once, with the address of the debug page, when every component runs. */
  readonly onReady?: (url: string) => void;
}

/**
 * Runs the agent until `signal` aborts; resolves when everything has ended. Rejects with AgentError where it cannot start:
 * `rejected` (a component refuses its arguments) or `listen`.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { config, log, clock = systemClock, onReady } = options;
  const runtime = await loadRuntime();
  const metrics = createMetrics();
  showBuild(metrics, runtime);
  showConfigHash(metrics, config.hash);
  collectProcessMetrics({ metrics, clock });
  const graph = new Graph({ clock, log, metrics, storagePath: config.storage.path, userAgent });
  graph.applyConfig(config.components);
  let started = false;
  const components = () => graph.snapshot();
  const app = createApp({
    components,
    ready: () => started && !signal.aborted,
    configHash: () => config.hash,
    build: { version, runtime: runtimeName(runtime) },
    metrics,
    selfProfile: createSelfProfile({ clock, heapObjects: runtime.heapObjects }),
    clock,
    log,
  });
  const listener = await listen(runtime, config.server, (request) => app.fetch(request));
  const url = pageUrl(listener);
  const running = [
    graph.run(signal),
    measureEventLoopLag({ metrics, clock }, signal),
    summarizeHourly({ clock, log, metrics, components }, signal),
  ];
  started = true;
  log.info("Agent started", { version, runtime: runtimeName(runtime), url, components: config.components.length });
  onReady?.(url);
  await Promise.all(running);
  await listener.stop();
  log.info("Agent stopped");
}

async function listen(
  runtime: Runtime,
  { host, port }: AgentConfig["server"],
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<Listener> {
  try {
    return await runtime.serve({ hostname: host || everyAddress, port, fetch, drainMs: listenerDrainMs });
  } catch (thrown) {
    if (!(thrown instanceof ListenError)) throw thrown;
    throw new AgentError("listen", `${thrown.message} (--listen, server.listen_address)`, { cause: thrown });
  }
}

/** Where a browser on this machine finds the page. */
function pageUrl({ hostname, port }: Listener): string {
  if (hostname === everyAddress || hostname === "::") return `http://localhost:${port}/`;
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}

function showBuild(metrics: Metrics, runtime: Runtime): void {
  const labels = { version, revision: commit, runtime: runtimeName(runtime), os: process.platform, arch: process.arch };
  metrics.gauge("agent_build_info", "Always 1; labelled with what was built.", Object.keys(labels)).set(labels, 1);
}

function showConfigHash(metrics: Metrics, sha256: string): void {
  const help = "Always 1; labelled with the hash of the configuration in force.";
  metrics.gauge("agent_config_hash", help, ["sha256"]).set({ sha256 }, 1);
}

function runtimeName({ name, version: runtimeVersion }: Runtime): string {
  return `${name} ${runtimeVersion}`;
}
