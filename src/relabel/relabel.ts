import { AgentError, limits, preview } from "../base/index.ts";
import { formatLabels, type Labels, labelsFrom } from "../model/index.ts";
import type { Rule, RuleLabels } from "./rule.ts";

export interface RelabelOptions {
  /** Told the index of the rule that drops the set. */
  readonly dropped?: (rule: number) => void;
}

/**
 * What the rules make of a label set, in their order; `undefined` where one of them drops it, and `labels` itself where none changes it.
 * Throws AgentError `too_many_labels` or `label_too_long`: rules can double what they are given, again and again.
 */
export function relabel(labels: Labels, rules: readonly Rule[], { dropped }: RelabelOptions = {}): Labels | undefined {
  if (rules.length === 0) return labels;
  const set = new LabelBuilder(labels);
  for (const [index, rule] of rules.entries()) {
    if (rule.apply(set)) continue;
    dropped?.(index);
    return undefined;
  }
  return set.labels();
}

class LabelBuilder implements RuleLabels {
  readonly #before: Labels;
  readonly #values: Map<string, string>;
  #changed = false;

  constructor(labels: Labels) {
    this.#before = labels;
    this.#values = new Map(labels.map(({ name, value }) => [name, value]));
  }

  get(name: string): string {
    return this.#values.get(name) ?? "";
  }

  set(name: string, value: string): void {
    if (value === this.get(name)) return;
    this.#changed = true;
    if (value === "") this.#values.delete(name);
    else this.#values.set(name, this.#bounded(name, value));
  }

  entries(): readonly (readonly [string, string])[] {
    return [...this.#values];
  }

  labels(): Labels {
    return this.#changed ? labelsFrom(this.#values) : this.#before;
  }

  #bounded(name: string, value: string): string {
    const longest = Math.max(name.length, value.length);
    if (longest > limits.relabelledValueLength)
      throw this.#tooMuch("label_too_long", `label "${preview(name)}" with ${longest} characters`);
    if (this.#values.size >= limits.relabelledLabels && !this.#values.has(name))
      throw this.#tooMuch("too_many_labels", `more than ${limits.relabelledLabels} labels`);
    return value;
  }

  #tooMuch<Reason extends string>(reason: Reason, what: string): AgentError<Reason> {
    const shown = preview(formatLabels(this.#before.slice(0, 8)), 128);
    return new AgentError(reason, `Cannot relabel ${shown}: a rule makes ${what}`);
  }
}
