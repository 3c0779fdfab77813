import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../src/config/index.ts";
import { kinds } from "../../src/kinds.ts";
import { labelsOf } from "../../src/model/index.ts";
import { missingGroupWarnings } from "../../src/relabel/index.ts";
import { complete, relabelWith, type WrittenRule } from "./rules.ts";

const id = "discovery.relabel.a";

function warningsOf(rule: WrittenRule): readonly string[] {
  return missingGroupWarnings(id, [complete({ target_label: "to", ...rule })]);
}

describe("a reference to a group that the expression does not have", () => {
  test.each<{ rule: WrittenRule; says: string }>([
    {
      rule: { regex: "prod-(.+)", replacement: "$1x-eu" },
      says: 'replacement "$1x-eu" becomes "-eu", for the regex "prod-(.+)" has no group "1x"; write ${1}x',
    },
    {
      rule: { regex: "([a-z]+)-(\\d+)", replacement: "${1}/$2_$3" },
      says: 'replacement "${1}/$2_$3" becomes "${1}/", for the regex "([a-z]+)-(\\d+)" has no group "2_"; write ${2}_',
    },
    {
      rule: { regex: "(?P<app>[a-z]+)-(?P<app_id>.+)", replacement: "$app_idx" },
      says: 'replacement "$app_idx" becomes empty, which removes "to", for the regex "(?P<app>[a-z]+)-(?P<app_id>.+)" has no group "app_idx"; write ${app_id}x',
    },
    {
      rule: { regex: "a|b" },
      says: 'replacement "$1" becomes empty, which removes "to", for the regex "a|b" has no group "1"; put parentheses around what it stands for',
    },
    {
      rule: { regex: "(?:a|b)", target_label: "${1}_at", replacement: "x" },
      says: 'target_label "${1}_at" becomes "_at", for the regex "(?:a|b)" has no group "1"; put parentheses around what it stands for',
    },
    {
      rule: { replacement: "${HOST_NAME}-$1" },
      says: 'replacement "${HOST_NAME}-$1" becomes "-${1}", for the regex "(.*)" has no group "HOST_NAME"; environment variables are not expanded in rules',
    },
    {
      rule: { replacement: "$app" },
      says: 'replacement "$app" becomes empty, which removes "to", for the regex "(.*)" has no group "app"; a group gets its name by (?P<app>...)',
    },
    {
      rule: { action: "labelmap", regex: "__meta_(.+)", replacement: "$1_" },
      says: 'replacement "$1_" becomes empty, and nothing is copied, for the regex "__meta_(.+)" has no group "1_"; write ${1}_',
    },
    {
      rule: { target_label: "$1_x", replacement: "x" },
      says: 'target_label "$1_x" becomes empty, and the rule does nothing, for the regex "(.*)" has no group "1_x"; write ${1}_x',
    },
  ])("is told: $says", ({ rule, says }) => {
    expect(warningsOf(rule)).toEqual([`rule[0] of ${id}: ${says}`]);
  });

  test.each<WrittenRule>([
    {},
    { regex: "a\\(b(.*)", replacement: "$1" },
    { regex: "(a|b)", replacement: "${1}x$0" },
    { regex: "([a-z])(?P<rest>.*)", replacement: "$rest$1$2$$3" },
    { regex: "a|b", replacement: "costs $" },
    // It looks at no replacement.
    { action: "hashmod", modulus: 2, regex: "a" },
    { action: "keep", regex: "a" },
    { action: "lowercase", regex: "a" },
  ])("is none in %j", (rule) => {
    expect(warningsOf(rule)).toEqual([]);
  });

  test("becomes what the warning says", () => {
    const rule: WrittenRule = { source_labels: ["a"], regex: "prod-(.+)", target_label: "to", replacement: "$1x-eu" };
    expect(relabelWith({ a: "prod-7" }, [rule])).toEqual(labelsOf({ a: "prod-7", to: "-eu" }));
  });

  test.each([
    "[pyroscope.scrape.a]\ntargets = []\nforward_to = []\n",
    '[discovery.relabel.a]\ntargets = ["discovery.file.f"]\n[discovery.file.f]\nfiles = ["x.json"]\n',
    '[pyroscope.write.a]\nendpoint = { url = "http://localhost:4040" }\n',
  ])("is told of the rules of %j", async (component) => {
    const rule = `rule = [{ regex = "x(.+)", target_label = "to", replacement = "\${1}" }, { target_label = "to", replacement = "$1x" }]\n`;
    const [first = "", ...rest] = component.split(/(?<=\]\n)/);
    const { warnings } = await parseConfig(first + rule + rest.join(""), { path: "/x/agent.toml", kinds, env: {} });
    expect(warnings.filter((warning) => warning.includes("has no group"))).toEqual([
      expect.stringContaining('replacement "$1x" becomes empty, which removes "to"'),
    ]);
  });
});
