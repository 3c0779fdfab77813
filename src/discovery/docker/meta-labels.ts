/** Labels in the order in which they win: a later one over an earlier one of the same name. */
export type Pairs = readonly (readonly [name: string, value: string])[];

/** Labels of Docker's as meta labels; what may not stand in a label's name becomes `_`. In a fixed order, in case two become one. */
export function metaLabels(prefix: string, labels: Readonly<Record<string, string>>): Pairs {
  return Object.keys(labels)
    .sort()
    .map((name) => [`${prefix}${name.replace(/[^a-zA-Z0-9_]/g, "_")}`, labels[name] ?? ""]);
}
