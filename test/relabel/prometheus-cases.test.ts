/**
 * Facts from Prometheus: what its own tests of model/relabel (TestRelabel, TestRelabelValidate, TestTargetLabelLegacyValidity) put in, and
 * what they expect. The table is ours, row for row in their order.
 *
 * Grafana Alloy carries discovery.relabel's rules out with a copy of this code and the same results; its pyroscope.relabel takes names of
 * Prometheus' older form only, and there a rule whose groups make another name does nothing.
 */
import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { labelsOf } from "../../src/model/index.ts";
import { relabelRules } from "../../src/relabel/index.ts";
import { relabelWith, type WrittenRule } from "./rules.ts";

interface Case {
  readonly given: Readonly<Record<string, string>>;
  readonly rules: readonly WrittenRule[];
  /** Labels that are there afterwards beside the given ones, with `undefined` for one that is gone; "dropped" where the set is. */
  readonly gives: Readonly<Record<string, string | undefined>> | "dropped";
}

const abc = { a: "foo", b: "bar", c: "baz" };
const ports = { __tmp_port: "1234", __port1: "1234", __port2: "5678" };
const lines = { a: "line1\nline2", b: "bar", c: "baz" };
const tags = "path:/secret,job:some-job,label:foo=bar";
const annotation = "__meta_kubernetes_pod_annotation_XXX_metrics_port";
const portName = "__meta_kubernetes_pod_container_port_name";

const cases: readonly Case[] = [
  {
    given: abc,
    rules: [{ source_labels: ["a"], regex: "f(.*)", target_label: "d", replacement: "ch${1}-ch${1}" }],
    gives: { d: "choo-choo" },
  },
  {
    given: abc,
    rules: [
      { source_labels: ["a", "b"], regex: "f(.*);(.*)r", target_label: "a", replacement: "b${1}${2}m" },
      { source_labels: ["c", "a"], regex: "(b).*b(.*)ba(.*)", target_label: "d", replacement: "$1$2$2$3" },
    ],
    gives: { a: "boobam", d: "boooom" },
  },
  {
    given: { a: "foo" },
    rules: [
      { source_labels: ["a"], regex: ".*o.*", action: "drop" },
      { source_labels: ["a"], regex: "f(.*)", target_label: "d", replacement: "ch$1-ch$1" },
    ],
    gives: "dropped",
  },
  {
    given: { a: "foo", b: "bar" },
    rules: [{ source_labels: ["a"], regex: ".*o.*", action: "drop" }],
    gives: "dropped",
  },
  {
    given: { a: "abc" },
    rules: [{ source_labels: ["a"], regex: ".*(b).*", target_label: "d", replacement: "$1" }],
    gives: { d: "b" },
  },
  { given: { a: "foo" }, rules: [{ source_labels: ["a"], regex: "no-match", action: "drop" }], gives: {} },
  { given: { a: "foo" }, rules: [{ source_labels: ["a"], regex: "f|o", action: "drop" }], gives: {} },
  { given: { a: "foo" }, rules: [{ source_labels: ["a"], regex: "no-match", action: "keep" }], gives: "dropped" },
  { given: { a: "foo" }, rules: [{ source_labels: ["a"], regex: "f.*", action: "keep" }], gives: {} },
  {
    given: { a: "boo" },
    rules: [{ source_labels: ["a"], regex: "f", target_label: "b", replacement: "bar" }],
    gives: {},
  },
  {
    given: { a: "foo", f: "baz" },
    rules: [{ source_labels: ["a"], regex: "(f).*", target_label: "$1", replacement: "$2" }],
    gives: { f: undefined },
  },
  {
    given: abc,
    rules: [{ source_labels: ["c"], target_label: "d", action: "hashmod", modulus: 1000 }],
    gives: { d: "976" },
  },
  {
    given: { a: "foo\nbar" },
    rules: [{ source_labels: ["a"], target_label: "b", action: "hashmod", modulus: 1000 }],
    gives: { b: "734" },
  },
  {
    given: { a: "foo", b1: "bar", b2: "baz" },
    rules: [{ regex: "(b.*)", replacement: "bar_${1}", action: "labelmap" }],
    gives: { bar_b1: "bar", bar_b2: "baz" },
  },
  {
    given: { a: "foo", __meta_my_bar: "aaa", __meta_my_baz: "bbb", __meta_other: "ccc" },
    rules: [{ regex: "__meta_(my.*)", replacement: "${1}", action: "labelmap" }],
    gives: { my_bar: "aaa", my_baz: "bbb" },
  },
  {
    given: { a: "some-name-value" },
    rules: [{ source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", replacement: "${2}", target_label: "${1}" }],
    gives: { name: "value" },
  },
  {
    given: { a: "some-name-value" },
    rules: [{ source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", replacement: "${3}", target_label: "${1}" }],
    gives: {},
  },
  {
    given: { a: "some-name-0" },
    rules: [
      { source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", replacement: "${1}", target_label: "${3}" },
      { source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", replacement: "${1}", target_label: "${3}" },
      { source_labels: ["a"], regex: "some-([^-]+)(-[^,]+)", replacement: "${1}", target_label: "${3}" },
    ],
    gives: {},
  },
  {
    given: { __meta_sd_tags: tags },
    rules: [
      {
        source_labels: ["__meta_sd_tags"],
        regex: "(?:.+,|^)path:(/[^,]+).*",
        replacement: "${1}",
        target_label: "__metrics_path__",
      },
      { source_labels: ["__meta_sd_tags"], regex: "(?:.+,|^)job:([^,]+).*", replacement: "${1}", target_label: "job" },
      {
        source_labels: ["__meta_sd_tags"],
        regex: "(?:.+,|^)label:([^=]+)=([^,]+).*",
        replacement: "${2}",
        target_label: "${1}",
      },
    ],
    gives: { __metrics_path__: "/secret", job: "some-job", foo: "bar" },
  },
  {
    given: { [portName]: "foo", [annotation]: "9091" },
    rules: [
      { regex: `^${portName}$`, action: "labeldrop" },
      { source_labels: [annotation], regex: "(.+)", replacement: "metrics", target_label: portName },
      { source_labels: [portName], regex: "^metrics$", action: "keep" },
    ],
    gives: { [portName]: "metrics" },
  },
  {
    given: { a: "foo", b1: "bar", b2: "baz" },
    rules: [{ regex: "(b.*)", action: "labelkeep" }],
    gives: { a: undefined },
  },
  {
    given: { a: "foo", b1: "bar", b2: "baz" },
    rules: [{ regex: "(b.*)", action: "labeldrop" }],
    gives: { b1: undefined, b2: undefined },
  },
  {
    given: { foo: "bAr123Foo" },
    rules: [
      { source_labels: ["foo"], action: "uppercase", target_label: "foo_uppercase" },
      { source_labels: ["foo"], action: "lowercase", target_label: "foo_lowercase" },
    ],
    gives: { foo_lowercase: "bar123foo", foo_uppercase: "BAR123FOO" },
  },
  { given: ports, rules: [{ source_labels: ["__tmp_port"], action: "keepequal", target_label: "__port1" }], gives: {} },
  {
    given: ports,
    rules: [{ source_labels: ["__tmp_port"], action: "dropequal", target_label: "__port1" }],
    gives: "dropped",
  },
  { given: ports, rules: [{ source_labels: ["__tmp_port"], action: "dropequal", target_label: "__port2" }], gives: {} },
  {
    given: ports,
    rules: [{ source_labels: ["__tmp_port"], action: "keepequal", target_label: "__port2" }],
    gives: "dropped",
  },
  {
    given: lines,
    rules: [{ source_labels: ["a"], regex: "line1.*line2", target_label: "d", replacement: "match${1}" }],
    gives: { d: "match" },
  },
  {
    given: { "utf-8.label": "line1\nline2", b: "bar", c: "baz" },
    rules: [{ source_labels: ["utf-8.label"], regex: "line1.*line2", target_label: "d", replacement: "match${1}" }],
    gives: { d: "match" },
  },
  {
    given: lines,
    rules: [{ source_labels: ["a"], regex: "line1.*line2", target_label: "utf-8.label", replacement: "match${1}" }],
    gives: { "utf-8.label": "match" },
  },
  {
    given: lines,
    rules: [{ source_labels: ["a"], regex: "line1.*line2", target_label: "utf-8.label${1}", replacement: "match${1}" }],
    gives: { "utf-8.label": "match" },
  },
  {
    given: lines,
    rules: [
      {
        source_labels: ["a"],
        regex: "(line1).*(?<second>line2)",
        target_label: "label1_${1}",
        replacement: "val_${second}",
      },
      {
        source_labels: ["a"],
        regex: "(line1).*(?<second>line2)",
        target_label: "label2_$1",
        replacement: "val_$second",
      },
    ],
    gives: { label1_line1: "val_line2", label2_line1: "val_line2" },
  },
  {
    given: { __name__: "http_requests_total" },
    rules: [{ source_labels: ["__name__"], regex: ".*_total$", target_label: "__type__", replacement: "counter" }],
    gives: { __type__: "counter" },
  },
  {
    given: { __name__: "disk_usage_bytes" },
    rules: [{ source_labels: ["__name__"], regex: ".*_bytes$", target_label: "__unit__", replacement: "bytes" }],
    gives: { __unit__: "bytes" },
  },
];

describe("Prometheus' cases of relabelling", () => {
  for (const [index, { given, rules, gives }] of cases.entries())
    test(`case ${index + 1}: ${rules.map(({ action = "replace", regex = "" }) => `${action} ${regex}`.trim()).join(", ")}`, () => {
      const result = relabelWith(given, rules);
      if (gives === "dropped") expect(result).toBeUndefined();
      else expect(result).toEqual(labelsOf(onlyPresent({ ...given, ...gives })));
    });
});

function onlyPresent(labels: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

const template = { source_labels: ["a"], regex: "some-([^-]+)-([^,]+)", replacement: "${1}" };

/** TestRelabelValidate. `departs`: Prometheus 3 takes it, since to it every text is a name. */
const validated: readonly { readonly rule: object; readonly refused?: string; readonly departs?: true }[] = [
  { rule: { action: "" }, refused: "expected one of" },
  { rule: { action: "replace" }, refused: "needs target_label" },
  { rule: { action: "lowercase" }, refused: "needs target_label" },
  { rule: { action: "lowercase", target_label: "${3}" }, refused: '"${3}" cannot be a label name', departs: true },
  { rule: { ...template, target_label: "${3}" } },
  { rule: { ...template, target_label: "0${3}" }, refused: "cannot become a label name", departs: true },
  { rule: { ...template, target_label: "-${3}" }, refused: "cannot become a label name", departs: true },
  { rule: { action: "labelmap", regex: "__meta_kubernetes_pod_label_(strimzi_io_.+)", replacement: "$1" } },
  { rule: { action: "labelmap", regex: "__meta_(.+)", replacement: "${1}" } },
];

describe("Prometheus' cases of checking a rule", () => {
  for (const { rule, refused, departs } of validated)
    test(`${JSON.stringify(rule)} is ${refused ? `refused${departs ? ", unlike there" : ""}` : "taken"}`, () => {
      const { issues = [] } = v.safeParse(relabelRules(), [rule]);
      const [message = ""] = issues.map((issue) => issue.message);
      if (refused) expect(message).toContain(refused);
      else expect(issues).toEqual([]);
    });
});

/** TestTargetLabelLegacyValidity; a dot is part of a name here, as Pyroscope takes it. */
const targetLabels: readonly (readonly [string, "taken" | "refused" | "taken here"])[] = [
  ["-label", "refused"],
  ["label", "taken"],
  ["label${1}", "taken"],
  ["${1}label", "taken"],
  ["${1}", "taken"],
  ["${", "refused"],
  ["$", "refused"],
  ["${}", "refused"],
  ["foo${", "refused"],
  ["$1", "taken"],
  ["asd$2asd", "taken"],
  ["-foo${1}bar-", "refused"],
  ["bar.foo${1}bar", "taken here"],
  ["_${1}_", "taken"],
  ["foo${bar}foo", "taken"],
];

describe("Prometheus' cases of target labels", () => {
  for (const [label, verdict] of targetLabels)
    test(`"${label}" is ${verdict}`, () => {
      const { success } = v.safeParse(relabelRules(), [{ target_label: label }]);
      expect(success).toBe(verdict !== "refused");
    });
});
