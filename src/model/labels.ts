import { compareText, quoted, withoutCredentials, withoutUserinfo } from "../base/index.ts";

export interface Label {
  readonly name: string;
  readonly value: string;
}

/**
 * A label set: sorted by name, each name once, no empty values (an empty value means that the label is absent). An array and
 * not an object, because names come from outside and `__proto__` is a legal one.
 */
export type Labels = readonly Label[];

/** Names that may be configured and sent: Prometheus' form plus dots, as Pyroscope takes them. */
export const labelNamePattern = /^[a-zA-Z_][a-zA-Z0-9_.]*$/;

/** A name that was not configured, such as a discovered one, as receivers take it. */
export function legalLabelName(name: string): string {
  return labelNamePattern.test(name) ? name : name.replace(/[^a-zA-Z0-9_.]/g, "_").replace(/^[^a-zA-Z_]/, "_$&");
}

/** A label set of these pairs. A later pair wins over an earlier one of the same name. */
export function labelsFrom(pairs: Iterable<readonly [name: string, value: string]>): Labels {
  const labels: Label[] = [];
  for (const [name, value] of new Map(pairs)) if (value !== "") labels.push({ name, value });
  return labels.sort((a, b) => compareText(a.name, b.name));
}

/** A label set of a plain object's own entries; for literals in code and tests. */
export function labelsOf(record: Readonly<Record<string, string>>): Labels {
  return labelsFrom(Object.entries(record));
}

/** The value of a label, or the empty string where the set does not have it. */
export function labelValue(labels: Labels, name: string): string {
  for (const label of labels) if (label.name === name) return label.value;
  return "";
}

/** The labels as a map that can be changed; turn it back with `labelsFrom`. */
export function labelsMap(labels: Labels): Map<string, string> {
  return new Map(labels.map(({ name, value }) => [name, value]));
}

/** A text that is equal for equal label sets and differs for different ones. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(labels.map(({ name, value }) => [name, value]));
}

/** The labels for a reader: `{env="staging", job="a"}`; on one line, whatever was discovered, and without passwords. */
export function formatLabels(labels: Labels): string {
  return `{${labels.map(formatLabel).join(", ")}}`;
}

/** One of them: `env="staging"`. */
export function formatLabel(label: Label): string {
  const { name } = label;
  return `${/^[\w.]+$/.test(name) ? name : quoted(name)}=${formatLabelValue(label)}`;
}

/** Its value as it stands there, in quotes. */
export function formatLabelValue(label: Label): string {
  return quoted(shownValue(label));
}

/** The labels with values that may be shown. */
export function withoutPasswords(labels: Labels): Labels {
  return labels.map((label) => ({ name: label.name, value: shownValue(label) }));
}

/** Without the userinfo of a URL; in `__address__`, whatever stands before an `@` is taken for it, but in the path of a unix socket. */
function shownValue({ name, value }: Label): string {
  if (!value.includes("@")) return value;
  if (name !== "__address__") return withoutUserinfo(value);
  return value.startsWith("unix:") ? value : withoutCredentials(value);
}

/** The labels as JSON shows them. The object has no prototype, so every name is safe as a key. */
export function labelsToJson(labels: Labels): Record<string, string> {
  const json = Object.create(null) as Record<string, string>;
  for (const { name, value } of labels) json[name] = value;
  return json;
}
