import { aborted, errorMessage, limits, type Timer } from "../base/index.ts";
import {
  type Component,
  type ComponentContext,
  type DebugInfo,
  type Exports,
  Reference,
  TargetInputs,
} from "../component/index.ts";
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

/** Relabels what its sources export, again whenever one of them changes: at once, or over several turns of the event loop where it is much. */
export class RelabelComponent implements Component<RelabelArguments> {
  readonly exports: Exports;
  readonly #context: ComponentContext;
  readonly #listeners = new Set<() => void>();
  #args: RelabelArguments;
  #rules: readonly Rule[] = [];
  #inputs: readonly Input[] = [];
  readonly #sources: TargetInputs;
  #running = false;
  /** The turn in which the rest of the targets is relabelled. */
  #rest: Timer | undefined;
  /** Whether targets were exported, if only none. */
  #hasAnswered = false;
  #outcomes: readonly Outcome[] = [];
  #targets: readonly Target[] = [];
  /** Of the rules as they are; most targets are still the same ones when a source changes. */
  #known = new WeakMap<Target, Outcome>();

  constructor(args: RelabelArguments, context: ComponentContext) {
    this.#args = args;
    this.#context = context;
    this.#sources = new TargetInputs({ clock: context.clock, changed: () => this.#recompute() });
    this.exports = { targets: this.#export() };
    this.applyConfig(args);
  }

  async run(signal: AbortSignal): Promise<void> {
    const hide = this.#showMetrics();
    this.#running = true;
    this.#connect();
    await aborted(signal);
    this.#running = false;
    this.#sources.close();
    this.#rest?.cancel();
    hide();
  }

  applyConfig(args: RelabelArguments): void {
    this.#rules = targetRules(args);
    this.#args = args;
    this.#known = new WeakMap();
    if (this.#running) this.#connect();
  }

  snapshot(): DebugInfo {
    const skipped = this.#outcomes.filter((outcome) => "failed" in outcome).length;
    const discovery: DiscoveryStatus = {
      targets: this.#targets.length,
      dropped: this.#outcomes.length - this.#targets.length - skipped,
      skipped,
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
    const { targets } = this.#args;
    const references = targets.filter((target) => target instanceof Reference);
    const literals = literalTargets(this.#args);
    this.#inputs = [
      ...(literals.length > 0 ? [{ source: constant(literals) }] : []),
      ...references.map((reference) => ({ id: reference.id, source: this.#context.targets(reference) })),
    ];
    this.#sources.connect(this.#inputs.map(({ source }) => source));
    this.#recompute();
  }

  #recompute(): void {
    this.#rest?.cancel();
    // What is exported is not taken back before new sources have told what they have.
    if (!this.#sources.isComplete && this.#targets.length > 0) return;
    this.#relabelFrom(
      0,
      this.#inputs.flatMap(({ source }) => source.current()),
    );
  }

  /** Relabels the targets from `start` on, as many as one turn has room for, and publishes when all are done. */
  #relabelFrom(start: number, targets: readonly Target[]): void {
    let room: number = limits.relabelSetsAtOnce;
    for (let at = start; at < targets.length; at++) {
      const target = targets[at] as Target;
      if (this.#known.has(target)) continue;
      if (room-- === 0) {
        this.#rest = this.#context.clock.after(0, () => this.#relabelFrom(at, targets));
        return;
      }
      this.#known.set(target, relabelled(target, this.#rules));
    }
    this.#publish(targets.flatMap((target) => this.#known.get(target) ?? []));
  }

  #publish(outcomes: readonly Outcome[]): void {
    const told = new Set(failuresOf(this.#outcomes));
    for (const failure of failuresOf(outcomes))
      if (!told.has(failure)) this.#context.log.warn("Target skipped", { err: failure });
    this.#outcomes = outcomes;
    const targets = outcomes.flatMap((outcome) => ("target" in outcome ? [outcome.target] : []));
    const isFirst = !this.#hasAnswered && this.#inputs.every(({ source }) => source.hasAnswered ?? true);
    this.#hasAnswered ||= isFirst;
    if (!isFirst && sameItems(targets, this.#targets)) return;
    this.#targets = targets;
    for (const listener of this.#listeners) listener();
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

  #export(): TargetSource {
    const isKnown = (): boolean => this.#hasAnswered;
    return {
      current: () => this.#targets,
      get hasAnswered() {
        return isKnown();
      },
      subscribe: (listener) => this.#subscribe(listener),
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

/** A target that makes rules fail costs itself only. */
export function relabelled(target: Target, rules: readonly Rule[]): Outcome {
  let droppedBy = 0;
  try {
    const result = relabel(target, rules, { dropped: (rule) => (droppedBy = rule) });
    return result ? { target: result } : { droppedBy };
  } catch (thrown) {
    return { failed: errorMessage(thrown) };
  }
}

function failuresOf(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes.flatMap((outcome) => ("failed" in outcome ? [outcome.failed] : []));
}

function constant(targets: readonly Target[]): TargetSource {
  return { current: () => targets, subscribe: () => () => {} };
}

function sameItems(a: readonly Target[], b: readonly Target[]): boolean {
  return a.length === b.length && a.every((target, index) => target === b[index]);
}
