import { limits, mapAt, textAt } from "../../base/index.ts";
import { labelsFrom, type Target } from "../../model/index.ts";

/** A label of a target. */
export type Pair = readonly [name: string, value: string];

/** What is kept of an object's metadata. */
export interface KeptMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: readonly Pair[];
  readonly annotations: readonly Pair[];
}

export const metaPrefix = "__meta_kubernetes_";

/** Names of labels that were made; their number is that of the labels and annotations in use. */
const madeNames = new Map<string, string>();
const mostNames = 10_000;

/** A target with these labels. Thousands of targets share the texts of their names, which are put together anew for each of them. */
export function targetFrom(pairs: readonly Pair[]): Target {
  return labelsFrom(pairs.map(([name, value]) => [shared(name), value]));
}

function shared(name: string): string {
  const made = madeNames.get(name);
  if (made !== undefined) return made;
  if (madeNames.size >= mostNames) madeNames.clear();
  madeNames.set(name, name);
  return name;
}

/** A copy of the whole object, which kubectl leaves behind. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Labels and annotations, a long value as an empty one: that it is there can be seen by `annotationpresent`. */
export function keepMetadata(object: unknown): KeptMetadata {
  const annotations = mapAt(object, "metadata", "annotations").filter(([key]) => key !== lastApplied);
  return {
    name: textAt(object, "metadata", "name"),
    namespace: textAt(object, "metadata", "namespace"),
    labels: mapAt(object, "metadata", "labels"),
    annotations: annotations.map(([key, value]) => [key, value.length > limits.labelValueLength ? "" : value]),
  };
}

/** The name, labels and annotations of an object: `__meta_kubernetes_<role>_name`, `_label_`, `_annotation_` and so on. */
export function objectLabels(role: string, metadata: KeptMetadata): readonly Pair[] {
  return [[`${metaPrefix}${role}_name`, metadata.name], ...describingLabels(role, metadata)];
}

/** The labels and annotations alone. */
export function describingLabels(role: string, { labels, annotations }: KeptMetadata): readonly Pair[] {
  return [
    ...eachTwice(`${metaPrefix}${role}_label`, labels),
    ...eachTwice(`${metaPrefix}${role}_annotation`, annotations),
  ];
}

export function namespaceLabel(namespace: string): Pair {
  return [`${metaPrefix}namespace`, namespace];
}

/** `<prefix>_<key>` with the value, and `<prefix>present_<key>`. */
export function eachTwice(prefix: string, pairs: readonly Pair[]): readonly Pair[] {
  return pairs.flatMap(([key, value]): Pair[] => {
    const name = labelPart(key);
    return [
      [`${prefix}_${name}`, value],
      [`${prefix}present_${name}`, "true"],
    ];
  });
}

/** A text as a part of a label's name. */
export function labelPart(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, "_");
}
