/**
 * The composition of the agent: configuration → components in a graph → listener with the debug side, until a signal.
 *
 * Constraints: nothing runs before the listener is bound, so that a second agent on the box ends before it scrapes; the debug
 * side answers until the last component has ended.
 */
import process from "node:process";
import { AgentError, type Clock, hostPort, systemClock } from "./base/index.ts";
import { createApply } from "./apply-components.ts";
import { Graph } from "./component/index.ts";
import {
  collectProcessMetrics,
  createMetrics,
  type Logger,
  type Metrics,
  measureEventLoopLag,
} from "./observability/index.ts";
import { clusterOf, joinCluster } from "./join-cluster.ts";
import { type AgentConfig, Reloader } from "./reload.ts";
import { ListenError, type Listener, loadRuntime, type Runtime, type ServeOptions } from "./runtime/index.ts";
import { removeLeftTargets } from "./discovery/index.ts";
import { createSelfProfile } from "./selfprofile/index.ts";
import { createApp } from "./server/index.ts";
import { type BaselineTable, saveBaselines, takeBaselines } from "./pyroscope/scrape/index.ts";
import { LeftComponents } from "./pyroscope/write/index.ts";
import { createServerToken } from "./server-token.ts";
import { createDataDirectory } from "./storage/index.ts";
import { summarizeHourly } from "./summary.ts";
import { commit, userAgent, version } from "./version.ts";

// Not "::": a machine without IPv6 could not listen there.
const everyAddress = "0.0.0.0";
// What somebody reads at the very end is answered; a CPU profile of half a minute is not waited for.
const listenerDrainMs = 500;

/** Asks for reloads until `signal` aborts; never rejects. `why` tells the log. */
export type ReloadTrigger = (reload: (why: string) => Promise<unknown>, signal: AbortSignal) => Promise<void>;

export interface AgentOptions {
  readonly config: AgentConfig;
  /** Reads and checks the configuration anew; absent where there is no file. Rejects with a ConfigError. */
  readonly load?: (() => Promise<AgentConfig>) | undefined;
  /** What asks for a reload, beside `POST /-/reload`. */
  readonly triggers?: readonly ReloadTrigger[];
  /** Told of every configuration that took effect after the first, for what the agent itself does not own. */
  readonly onReloaded?: (config: AgentConfig) => void;
  /** What deltas are computed against: goes from one run of the agent to the next. */
  readonly baselines?: BaselineTable;
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
  const { config, log, clock = systemClock, onReady, triggers = [] } = options;
  const runtime = await loadRuntime();
  const metrics = createMetrics();
  showBuild(metrics, runtime);
  collectProcessMetrics({ metrics, clock });
  const storage = createDataDirectory(config.storage.path, { clock, log, metrics });
  const cluster = clusterOf(config.cluster, { clock, log, metrics });
  const graph = new Graph({ clock, log, metrics, storage, userAgent, cluster });
  const left = new LeftComponents({ storage, clock, log, metrics });
  const apply = createApply({ graph, left });
  apply(config.components);
  const token = createServerToken(config.server, log);
  const reloader = new Reloader(config, {
    load: options.load,
    apply: ({ components: next }) => apply(next),
    onApplied(next) {
      token.applyConfig(next.server);
      options.onReloaded?.(next);
    },
    onUnusable: (faults) => graph.refuseConfig(faults),
    clock,
    log,
    metrics,
    signal,
  });
  // Without a file nobody chose a directory, and none is made for this alone.
  const mayMakeDirectory = options.load !== undefined;
  const save = async (): Promise<void> => {
    if (options.baselines) await saveBaselines(options.baselines, { storage, clock, log, mayMakeDirectory });
  };
  let started = false;
  const components = () => graph.snapshot();
  const app = createApp({
    components,
    leftComponents: () => left.snapshot(),
    storage: () => storage,
    cluster: () => cluster?.snapshot(),
    ready: () => started && !signal.aborted,
    stopping: () => signal.aborted,
    config: () => reloader.status,
    reload: () => reloader.reload("POST /-/reload"),
    token: () => token.read(),
    build: { version, runtime: runtimeName(runtime) },
    metrics,
    selfProfile: createSelfProfile({ clock, heapObjects: runtime.heapObjects }),
    clock,
    log,
  });
  const listener = await listen(runtime, config.server, (request, peer) => app.fetch(request, peer));
  const url = pageUrl(listener);
  if (options.baselines) await takeBaselines(options.baselines, { storage, clock, log });
  const membership = joinCluster(cluster, { signal, listener });
  const running = [
    membership.left,
    graph.run(membership.components, { onSourcesEnded: save }),
    measureEventLoopLag({ metrics, clock }, signal),
    summarizeHourly({ clock, log, metrics, components }, signal),
    left.run(signal),
    removeLeftTargets({ storage, clock, log, components }, signal),
    ...triggers.map((trigger) => trigger((why) => reloader.reload(why), signal)),
  ];
  started = true;
  log.info("Agent started", { version, runtime: runtimeName(runtime), url, components: config.components.length });
  onReady?.(url);
  await Promise.all(running);
  // At once, because both may take a while and 5 s are all there is.
  await Promise.all([listener.stop(), storage.close()]);
  log.info("Agent stopped");
}

async function listen(
  runtime: Runtime,
  { host, port }: AgentConfig["server"],
  fetch: ServeOptions["fetch"],
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
  return `http://${hostPort(hostname, port)}/`;
}

function showBuild(metrics: Metrics, runtime: Runtime): void {
  const labels = { version, revision: commit, runtime: runtimeName(runtime), os: process.platform, arch: process.arch };
  metrics.gauge("agent_build_info", "Always 1; labelled with what was built.", Object.keys(labels)).set(labels, 1);
}

function runtimeName({ name, version: runtimeVersion }: Runtime): string {
  return `${name} ${runtimeVersion}`;
}
