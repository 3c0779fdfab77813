import { limits } from "../../base/index.ts";
import { type Labels, labelsFrom, legalLabelName, type Profile } from "../../model/index.ts";
import { compress, decodeBody, relabelSamples, type SampleLabels } from "../../pprof/index.ts";
import { compileRules, relabel, type Rule, type RuleLabels, type ScopedRuleArguments } from "../../relabel/index.ts";
import { seriesLabels } from "./series-labels.ts";

export interface OutgoingArguments {
  readonly external_labels: ReadonlyMap<string, string>;
  readonly rule: readonly ScopedRuleArguments[];
}

/** What a profile is pushed as. Without rules it costs the labels; without rules on samples the profile is not opened. */
export interface Outgoing {
  /** `undefined` where a rule drops the profile. Throws AgentError for labels that cannot be sent. */
  labels(labels: Labels): Labels | undefined;
  /** Likewise, and `undefined` where rules leave no sample. Throws PprofError too. */
  profile(profile: Profile): Profile | undefined;
}

const made = new WeakMap<OutgoingArguments, Outgoing>();

/** Made once for as long as the arguments live. `external_labels` come before the rules, which see and may change what is pushed. */
export function outgoingOf(args: OutgoingArguments): Outgoing {
  const outgoing = made.get(args) ?? createOutgoing(args);
  made.set(args, outgoing);
  return outgoing;
}

function createOutgoing({ external_labels: external, rule }: OutgoingArguments): Outgoing {
  const onProfile = seriesRules(rule);
  const onSamples = rulesFor("sample", rule);
  /** A scrape loop hands its labels on as one object, profile after profile. */
  const known = new WeakMap<Labels, { readonly labels: Labels | undefined }>();
  const outgoingLabels = (labels: Labels): Labels | undefined => {
    if (onProfile.length === 0) return seriesLabels(labels, external);
    const relabelled = known.get(labels) ?? { labels: relabelSeries(seriesLabels(labels, external), onProfile) };
    known.set(labels, relabelled);
    return relabelled.labels;
  };
  return {
    labels: outgoingLabels,
    profile(profile) {
      const labels = outgoingLabels(profile.labels);
      if (!labels) return undefined;
      return relabelData({ ...profile, labels }, onSamples);
    },
  };
}

/**
 * The rules on the labels of a series. `__delta__` stays as it is there: without it servers of version 1 subtract again what the agent has
 * subtracted already, and drop every profile whose values fell (reference 2.4).
 */
export function seriesRules(rules: readonly ScopedRuleArguments[]): readonly Rule[] {
  return rulesFor("profile", rules).map((rule) => ({ ...rule, apply: (labels) => rule.apply(keepingDelta(labels)) }));
}

function keepingDelta(labels: RuleLabels): RuleLabels {
  return {
    get: (name) => labels.get(name),
    set(name, value) {
      if (name !== "__delta__" || labels.get(name) === "") labels.set(name, value);
    },
    entries: () => labels.entries(),
  };
}

/** The rules of one scope, each under the name that it has among all of them. */
export function rulesFor(scope: ScopedRuleArguments["scope"], rules: readonly ScopedRuleArguments[]): readonly Rule[] {
  return compileRules(rules).filter((_, index) => rules[index]?.scope === scope);
}

function relabelSeries(labels: Labels, rules: readonly Rule[]): Labels | undefined {
  const kept = relabel(labels, rules);
  return kept && afterRules(kept);
}

/** Labels as rules left them: what groups caught became a name that nobody has checked. Throws AgentError for what cannot be sent. */
export function afterRules(labels: Labels): Labels {
  return seriesLabels(labelsFrom(labels.map(({ name, value }) => [legalLabelName(name), value])), new Map());
}

function relabelData(profile: Profile, rules: readonly Rule[]): Profile | undefined {
  if (rules.length === 0) return profile;
  const { data, info } = profile;
  const maxBytes = Math.max(limits.profileBytes, info.rawBytes);
  const { raw, encoding } = decodeBody(data, maxBytes);
  const result = relabelSamples(raw, { rewrite: (labels) => relabelSample(labels, rules), maxBytes });
  if (result.raw === raw) return profile;
  if (result.samples === 0) return undefined;
  return {
    ...profile,
    data: encoding === "none" ? result.raw : compress(result.raw),
    info: { ...info, samples: result.samples, rawBytes: result.raw.length },
  };
}

function relabelSample(labels: SampleLabels, rules: readonly Rule[]): SampleLabels | undefined {
  const kept = relabel(labelsFrom(labels), rules);
  return kept && new Map(kept.map(({ name, value }) => [name, value]));
}
