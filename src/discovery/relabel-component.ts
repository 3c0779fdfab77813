import { aborted, errorMessage } from "../base/index.ts";
import { type Component, type ComponentContext, type DebugInfo, type Exports, Reference } from "../component/index.ts";
import type { DiscoveryStatus, Target, TargetSource } from "../model/index.ts";
import { relabel, type Rule, targetRules } from "../relabel/index.ts";
import { literalTargets, type RelabelArguments } from "./relabel-arguments.ts";

/** What the rules made of a target. */
type Outcome =
  | { readonly target: Target }
  | { readonly droppedBy: number }
  /** Rules that make more of a label set than is taken. */
  | { readonly failed: string };

interface Input {
  /** The component they come from; absent for those in the configuration itself. */
  readonly id?: string;
  readonly source: TargetSource;
}

/** Relabels what its sources export, again whenever one of them changes, at once. */
export class RelabelComponent implements Component<RelabelArguments> {
  readonly exports: Exports;
  readonly #context: ComponentContext;
  readonly #listeners = new Set<() => void>();
  #args: RelabelArguments;
  #rules: readonly Rule[] = [];
  #inputs: readonly Input[] = [];
  #unsubscribe: readonly (() => void)[] = [];
  #running = false;
  #outcomes: readonly Outcome[] = [];
  #targets: readonly Target[] = [];
  /** Of the rules as they are; most targets are still the same ones when a source changes. */
  #known = new WeakMap<Target, Outcome>();

  constructor(args: RelabelArguments, context: ComponentContext) {
    this.#args = args;
    this.#context = context;
    this.exports = { targets: { current: () => this.#targets, subscribe: (listener) => this.#subscribe(listener) } };
    this.applyConfig(args);
  }

  async run(signal: AbortSignal): Promise<void> {
    const hide = this.#showMetrics();
    this.#running = true;
    this.#connect();
    await aborted(signal);
    this.#running = false;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    hide();
  }

  applyConfig(args: RelabelArguments): void {
    this.#rules = targetRules(args);
    this.#args = args;
    this.#known = new WeakMap();
    if (this.#running) this.#connect();
  }

  snapshot(): DebugInfo {
    const discovery: DiscoveryStatus = {
      targets: this.#targets.length,
      sources: this.#inputs.length,
      shownSources: this.#inputs.map(({ id = "", source }) => ({
        name: id,
        targets: source.current().length,
        fromDisk: false,
      })),
    };
    return { discovery, relabel: this.#counts() };
  }

  #connect(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const { targets } = this.#args;
    const references = targets.filter((target) => target instanceof Reference);
    const literals = literalTargets(this.#args);
    this.#inputs = [
      ...(literals.length > 0 ? [{ source: constant(literals) }] : []),
      ...references.map((reference) => ({ id: reference.id, source: this.#context.targets(reference) })),
    ];
    this.#unsubscribe = this.#inputs.map(({ source }) => source.subscribe(() => this.#recompute()));
    this.#recompute();
  }

  #recompute(): void {
    const told = new Set(this.#outcomes.flatMap((outcome) => ("failed" in outcome ? [outcome.failed] : [])));
    this.#outcomes = this.#inputs.flatMap(({ source }) => source.current().map((target) => this.#outcomeOf(target)));
    for (const outcome of this.#outcomes)
      if ("failed" in outcome && !told.has(outcome.failed))
        this.#context.log.warn("Target skipped", { err: outcome.failed });
    const targets = this.#outcomes.flatMap((outcome) => ("target" in outcome ? [outcome.target] : []));
    if (sameItems(targets, this.#targets)) return;
    this.#targets = targets;
    for (const listener of this.#listeners) listener();
  }

  #outcomeOf(target: Target): Outcome {
    const known = this.#known.get(target) ?? relabelled(target, this.#rules);
    this.#known.set(target, known);
    return known;
  }

  #counts() {
    const byRule = this.#rules.map(({ name, description }) => ({ rule: name, description, targets: 0 }));
    for (const outcome of this.#outcomes) {
      const rule = "droppedBy" in outcome ? byRule[outcome.droppedBy] : undefined;
      if (rule) rule.targets++;
    }
    return {
      in: this.#outcomes.length,
      out: this.#targets.length,
      failed: this.#outcomes.filter((outcome) => "failed" in outcome).length,
      dropped: byRule.filter(({ targets }) => targets > 0),
    };
  }

  #subscribe(listener: () => void): () => void {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  #showMetrics(): () => void {
    const { metrics, id } = this.#context;
    const own = { component_id: id };
    const exported = metrics.gauge("discovery_targets", "Targets that are exported.", ["component_id"]);
    const dropped = metrics.gauge(
      "discovery_relabel_dropped_targets",
      "Targets that are not exported because a rule dropped them or could not be carried out.",
      ["component_id"],
    );
    const unregister = metrics.onCollect(() => {
      exported.set(own, this.#targets.length);
      dropped.set(own, this.#outcomes.length - this.#targets.length);
    });
    return () => {
      unregister();
      for (const gauge of [exported, dropped]) gauge.remove(own);
    };
  }
}

function relabelled(target: Target, rules: readonly Rule[]): Outcome {
  let droppedBy = 0;
  try {
    const result = relabel(target, rules, { dropped: (rule) => (droppedBy = rule) });
    return result ? { target: result } : { droppedBy };
  } catch (thrown) {
    return { failed: errorMessage(thrown) };
  }
}

function constant(targets: readonly Target[]): TargetSource {
  return { current: () => targets, subscribe: () => () => {} };
}

function sameItems(a: readonly Target[], b: readonly Target[]): boolean {
  return a.length === b.length && a.every((target, index) => target === b[index]);
}
