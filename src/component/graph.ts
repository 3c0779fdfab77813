import { aborted, AgentError, type Clock, errorMessage } from "../base/index.ts";
import type { Ownership } from "../model/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import type { DataDirectory } from "../storage/index.ts";
import type { ComponentConfig } from "./component-config.ts";
import { consumersFirst, flowsOf } from "./flow-order.ts";
import { createGraphMetrics, type GraphMetrics } from "./graph-metrics.ts";
import type { ComponentContext, ComponentSnapshot, Exports } from "./kind.ts";
import { LateReceiver, LateTargets } from "./late-binding.ts";
import { GraphNode } from "./graph-node.ts";

export interface GraphOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly storage: DataDirectory;
  readonly userAgent: string;
  /** Absent where the agent is in no cluster. */
  readonly cluster?: Ownership | undefined;
}

/** What references to one component id lead to. */
interface Link {
  readonly receiver: LateReceiver;
  readonly targets: LateTargets;
}

interface Leaving {
  readonly exports: Exports;
  readonly ended: Promise<void>;
}

export interface RunOptions {
  readonly onSourcesEnded?: () => Promise<void>;
}

interface Failure {
  readonly id: string;
  readonly message: string;
}

/** The running components. Each keeps running undisturbed as long as its table in the configuration does not change. */
export class Graph {
  readonly #options: GraphOptions;
  readonly #metrics: GraphMetrics;
  readonly #nodes = new Map<string, GraphNode>();
  /** Never shrinks: ids are few, and one that left may come back while its old references are still held. */
  readonly #links = new Map<string, Link>();
  /** Components that are to end and have not ended yet, by id. */
  readonly #leaving = new Map<string, Leaving>();
  #running = false;

  constructor(options: GraphOptions) {
    this.#options = options;
    const health = () => [...this.#nodes.values()].map((node) => node.health);
    this.#metrics = createGraphMetrics({ metrics: options.metrics, clock: options.clock, health });
  }

  /**
   * Makes the graph what `components` says, whole or not at all: should one component refuse, all keep what they had, and
   * those at fault show as unhealthy. Throws AgentError `rejected` with every refusal.
   */
  applyConfig(components: readonly ComponentConfig[]): void {
    const failures: Failure[] = [];
    const created = this.#create(components, failures);
    // One that cannot be made is found before any other is disturbed.
    const undo = failures.length > 0 ? () => true : this.#change(components, failures);
    if (failures.length > 0) this.#reject(failures, { changed: !undo() });
    this.#takeEffect(components, created);
  }

  /**
   * Notes that a configuration could not be used before it came here. Components at fault show as unhealthy, by id with the reason, and
   * go on with what they have.
   */
  refuseConfig(faults: ReadonlyMap<string, string>): void {
    for (const [id, node] of this.#nodes) {
      const fault = faults.get(id);
      if (node.crashed) continue;
      if (fault === undefined) node.markHealthy();
      else node.markUnhealthy(fault);
    }
    this.#metrics.loadFailed();
  }

  /**
   * Runs the components until `signal` aborts; resolves when all have ended, producers before those they hand to. `onSourcesEnded` is called
   * when those that take no profiles have: no new one comes from then on. What it does is waited for.
   */
  async run(signal: AbortSignal, { onSourcesEnded = async () => {} }: RunOptions = {}): Promise<void> {
    this.#running = true;
    this.#start(this.#nodes);
    await aborted(signal);
    this.#running = false;
    void this.#stop([...this.#nodes.values()]);
    const leaving = [...this.#leaving.values()];
    const sources = leaving.filter(({ exports }) => !exports.receiver);
    await Promise.all([allEnded(leaving), allEnded(sources).then(onSourcesEnded)]);
  }

  snapshot(): readonly ComponentSnapshot[] {
    const configs = [...this.#nodes.values()].map((node) => node.config);
    return [...this.#nodes.values()].map((node) => snapshotOf(node, configs));
  }

  component(id: string): ComponentSnapshot | undefined {
    return this.snapshot().find((snapshot) => snapshot.id === id);
  }

  /** Nothing refuses any more: what fails here is an error inside the agent, and the rest of the configuration is in force all the same. */
  #takeEffect(components: readonly ComponentConfig[], created: ReadonlyMap<string, GraphNode>): void {
    this.#remove(components);
    for (const [id, node] of created) this.#nodes.set(id, node);
    for (const node of this.#nodes.values()) {
      node.markHealthy();
      this.#tryNow(node);
    }
    for (const [id, node] of created) this.#bind(id, node.exports);
    if (this.#running) this.#start(created);
    this.#metrics.loadSucceeded();
  }

  /** Who fails at it keeps no other from it. */
  #tryNow(node: GraphNode): void {
    try {
      node.tryNow();
    } catch (err) {
      const component = node.config.id;
      this.#options.log.error("An error inside the agent: a component could not try at once what it would try later", {
        component,
        err,
      });
      node.markUnhealthy(`It could not try at once what it would try later: ${errorMessage(err)}`);
    }
  }

  /** Lets references to a component lead to these. Who fails at the news stops nothing. */
  #bind(id: string, { receiver, targets }: Exports): void {
    const link = this.#link(id);
    try {
      link.receiver.bind(receiver);
      link.targets.bind(targets);
    } catch (err) {
      this.#options.log.error(
        "An error inside the agent: not all who take from a component could go on with what it has now",
        {
          component: id,
          err,
        },
      );
      this.#nodes
        .get(id)
        ?.markUnhealthy(`Not all who take from it could go on with what it has now: ${errorMessage(err)}`);
    }
  }

  /** Makes what is new, and anew what crashed; nothing of it runs yet. */
  #create(components: readonly ComponentConfig[], failures: Failure[]): ReadonlyMap<string, GraphNode> {
    const created = new Map<string, GraphNode>();
    for (const config of components) {
      const existing = this.#nodes.get(config.id);
      if (existing && !existing.crashed) continue;
      attempt(config.id, failures, () => created.set(config.id, this.#createNode(config)));
    }
    return created;
  }

  #createNode(config: ComponentConfig): GraphNode {
    const context = this.#context(config.id);
    const component = config.kind.create(config.args, context);
    const onCrash = (): void => this.#unbind(node);
    const node = new GraphNode(config, component, { clock: context.clock, log: context.log, onCrash });
    return node;
  }

  /** Applies new arguments to what runs; the result takes them all back, and tells whether all took their old ones. */
  #change(components: readonly ComponentConfig[], failures: Failure[]): () => boolean {
    const undone: (() => boolean)[] = [];
    for (const config of components) {
      const node = this.#nodes.get(config.id);
      if (!node || node.crashed) continue;
      const before = node.config;
      if (attempt(config.id, failures, () => node.applyConfig(config)))
        undone.push(() => attempt(config.id, failures, () => node.applyConfig(before)));
    }
    return () => undone.map((step) => step()).every(Boolean);
  }

  #reject(failures: readonly Failure[], { changed }: { readonly changed: boolean }): never {
    this.refuseConfig(new Map(failures.map(({ id, message }) => [id, message])));
    const reasons = failures.map(({ id, message }) => `"${id}": ${message}`).join("; ");
    const what = changed ? "not all could be taken back" : "nothing was changed";
    throw new AgentError("rejected", `Could not apply the configuration, ${what}: ${reasons}`);
  }

  #remove(components: readonly ComponentConfig[]): void {
    const wanted = new Set(components.map(({ id }) => id));
    const removed = [...this.#nodes.values()].filter((node) => !wanted.has(node.config.id));
    for (const node of removed) this.#nodes.delete(node.config.id);
    void this.#stop(removed);
  }

  #start(nodes: ReadonlyMap<string, GraphNode>): void {
    for (const { id } of consumersFirst([...nodes.values()].map((node) => node.config)))
      nodes.get(id)?.start(this.#leaving.get(id)?.ended);
  }

  /** Stops each node once those that hand something to it have ended; nodes that do not depend on each other at once. */
  async #stop(nodes: readonly GraphNode[]): Promise<void> {
    const byId = new Map(nodes.map((node) => [node.config.id, node]));
    const configs = nodes.map((node) => node.config);
    const flows = flowsOf(configs);
    const ended = new Map<string, Promise<void>>();
    for (const { id } of consumersFirst(configs).toReversed()) {
      const producers = flows.filter(({ consumer }) => consumer === id).map(({ producer }) => producer);
      const producersEnded = producers.flatMap((producer) => ended.get(producer) ?? []);
      const node = byId.get(id) as GraphNode;
      const end = Promise.all(producersEnded).then(() => this.#stopNode(node));
      const leaving = { exports: node.exports, ended: end };
      ended.set(id, end);
      this.#leaving.set(id, leaving);
      void end.then(() => this.#leaving.get(id) === leaving && this.#leaving.delete(id));
    }
    await Promise.all(ended.values());
  }

  #stopNode(node: GraphNode): Promise<void> {
    this.#unbind(node);
    return node.stop();
  }

  /** Its references then lead nowhere, unless another component of the same id has taken its place. */
  #unbind({ config, exports }: GraphNode): void {
    const successor = this.#nodes.get(config.id);
    if (successor && successor.exports !== exports) return;
    this.#bind(config.id, {});
  }

  #link(id: string): Link {
    const known = this.#links.get(id);
    if (known) return known;
    const link = { receiver: new LateReceiver(id), targets: new LateTargets() };
    this.#links.set(id, link);
    return link;
  }

  #context(id: string): ComponentContext {
    const { log, cluster, ...shared } = this.#options;
    return {
      ...shared,
      ...(cluster && { cluster }),
      id,
      log: log.with({ component: id }),
      receiver: (reference) => this.#link(reference.id).receiver,
      targets: (reference) => this.#link(reference.id).targets,
    };
  }
}

async function allEnded(leaving: readonly Leaving[]): Promise<void> {
  await Promise.all(leaving.map(({ ended }) => ended));
}

/** Runs `action`; what it throws becomes a failure of the component, and false. */
function attempt(id: string, failures: Failure[], action: () => void): boolean {
  try {
    action();
    return true;
  } catch (thrown) {
    failures.push({ id, message: errorMessage(thrown) });
    return false;
  }
}

function snapshotOf(node: GraphNode, all: readonly ComponentConfig[]): ComponentSnapshot {
  const { id, kind, args, references } = node.config;
  const referencesTo = new Set(references.map((reference) => reference.id));
  const referencedBy = all.filter((other) => other.references.some((reference) => reference.id === id));
  return {
    id,
    kind: kind.name,
    health: node.health,
    running: !node.crashed,
    arguments: args,
    exports: node.exports,
    referencesTo: [...referencesTo],
    referencedBy: referencedBy.map((other) => other.id),
    debugInfo: node.debugInfo(),
  };
}
