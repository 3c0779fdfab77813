import type { BadConfig } from "./bad-config.ts";

const scrape = `[pyroscope.scrape.a]
targets = []
forward_to = []
`;
const at = "agent.toml:4:";
const rule = "pyroscope.scrape.a.rule";

export const relabel: readonly BadConfig[] = [
  {
    title: "an action that is none",
    text: `${scrape}rule = [{ action = "Keep" }]`,
    problems: [
      `${at}20: ${rule}[0].action: expected one of "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase", found "Keep"; did you mean "keep"?`,
    ],
  },
  {
    title: "rules without what their action needs",
    text: `${scrape}rule = [{ source_labels = "a" }, { action = "hashmod", target_label = "b" }, { action = "keepequal" }]`,
    problems: [
      `${at}9: ${rule}[0]: the action "replace" needs target_label`,
      `${at}34: ${rule}[1]: the action "hashmod" needs a modulus above 0`,
      `${at}78: ${rule}[2]: the action "keepequal" needs target_label`,
    ],
  },
  {
    title: "expressions that RE2 does not have",
    text: `${scrape}rule = [{ action = "keep", regex = "a(?!b)" }, { action = "drop", regex = "a(" }]`,
    problems: [
      `${at}36: ${rule}[0].regex: is no RE2 expression: invalid or unsupported Perl syntax, at character 2: "(?!"; RE2 does not look ahead or behind`,
      `${at}75: ${rule}[1].regex: is no RE2 expression: missing closing )`,
    ],
  },
  {
    title: "arguments that an action does not look at",
    text: `${scrape}rule = [{ action = "labeldrop", regex = "a", target_label = "b" }, { action = "dropequal", target_label = "a", regex = "b" }, { action = "lowercase", target_label = "a", replacement = "b" }]`,
    problems: [
      `${at}61: ${rule}[0].target_label: does nothing for the action "labeldrop"; remove it`,
      `${at}120: ${rule}[1].regex: does nothing for the action "dropequal"; remove it`,
      `${at}185: ${rule}[2].replacement: does nothing for the action "lowercase"; remove it`,
    ],
  },
  {
    title: "names that no label can have",
    text: `${scrape}rule = [{ target_label = "a-b" }, { target_label = "a-$1" }, { target_label = "$" }, { action = "labelmap", replacement = "x y" }]`,
    problems: [
      `${at}26: ${rule}[0].target_label: "a-b" cannot be a label name: it must match [a-zA-Z_][a-zA-Z0-9_.]*; "a_b" would do`,
      `${at}52: ${rule}[1].target_label: "a-$1" cannot become a label name, which must match [a-zA-Z_][a-zA-Z0-9_.]*`,
      `${at}79: ${rule}[2].target_label: "$" cannot be a label name: it must match [a-zA-Z_][a-zA-Z0-9_.]*; "_" would do`,
      `${at}123: ${rule}[3].replacement: "x y" cannot be a label name: it must match [a-zA-Z_][a-zA-Z0-9_.]*; "x_y" would do`,
    ],
  },
  {
    title: "a scope where there are only targets",
    text: `${scrape}rule = [{ action = "keep", scope = "sample" }]`,
    problems: [
      `${at}28: ${rule}[0].scope: unknown argument; this table takes source_labels, separator, regex, modulus, target_label, replacement, action`,
    ],
  },
  {
    title: "a preset that is none",
    text: `${scrape}rules_preset = "kubernetes"`,
    problems: [
      `${at}16: pyroscope.scrape.a.rules_preset: expected one of "kubernetes-annotations", found "kubernetes"`,
    ],
  },
  {
    title: "components that relabel in a circle",
    text: `[discovery.relabel.a]
targets = ["discovery.relabel.b.output"]
[discovery.relabel.b]
targets = ["discovery.relabel.a.output"]`,
    problems: [
      "agent.toml:4:12: discovery.relabel.b.targets[0]: closes a circle: discovery.relabel.a -> discovery.relabel.b -> discovery.relabel.a; profiles and targets must flow one way",
    ],
  },
  {
    title: "a reference to the rules of a component",
    text: `[discovery.relabel.a]
targets = []
[pyroscope.scrape.a]
targets = ["discovery.relabel.a.rules"]
forward_to = []`,
    problems: [
      'agent.toml:4:12: pyroscope.scrape.a.targets[0]: ".rules" is not what is needed here, a list of targets; write "discovery.relabel.a"',
    ],
  },
];
