import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { writeKind } from "../../../src/pyroscope/write/kind.ts";

function withRules(...rule: readonly Record<string, unknown>[]) {
  return v.parse(writeKind.schema, { endpoint: [{ url: "http://pyroscope:4040" }], rule });
}

const id = "pyroscope.write.c";
const warning = (index: number): string =>
  `rule[${index}] of ${id} removes __name__: every profile is dropped; let it keep "__.*" too`;

describe("Rules of pyroscope.write", () => {
  test.each([
    [[{ action: "labelkeep", regex: "secret|instance" }], [warning(0)]],
    [
      [
        { scope: "sample", action: "labelkeep", regex: "x" },
        { action: "labeldrop", regex: "__.*" },
      ],
      [warning(1)],
    ],
    [[{ action: "labelkeep", regex: "__.*|instance" }], []],
    [
      [
        { action: "labelkeep", regex: "instance" },
        { target_label: "__name__", replacement: "cpu" },
      ],
      [],
    ],
    [[{ action: "drop", source_labels: ["__name__"], regex: "goroutine" }], []],
  ])("are warned of where they remove the type of every profile: %j", async (rules, warnings) => {
    await writeKind.prepare?.({ rule: rules });
    expect(await writeKind.warnings?.(id, withRules(...rules))).toEqual(warnings);
  });

  test("are warned of where they are to change __delta__, which stays", async () => {
    const stays = (index: number): string =>
      `rule[${index}] of ${id} does not change __delta__="false": without it, some servers would subtract a second time; take __delta__ out of the rule`;
    const rules = [
      { action: "labeldrop", regex: "__delta__" },
      { target_label: "__delta__", replacement: "" },
      { target_label: "__delta__", replacement: "false" },
      { source_labels: "__name__", regex: "my_delta", target_label: "__delta__", replacement: "x" },
      { action: "labelkeep", regex: "__name__|service_name" },
      { scope: "sample", action: "labeldrop", regex: "__delta__" },
    ];
    await writeKind.prepare?.({ rule: rules });
    expect(await writeKind.warnings?.(id, withRules(...rules))).toEqual([stays(0), stays(1)]);
  });

  test("are warned of where they look at labels that only targets have", async () => {
    const rules = [
      { source_labels: ["job", "__meta_kubernetes_namespace"], target_label: "namespace" },
      { action: "labelmap", regex: "__meta_kubernetes_pod_label_(.+)" },
      { source_labels: ["job"], target_label: "__param_x" },
      { source_labels: ["__param_x", "__name__", "__delta__"], target_label: "x" },
      { scope: "sample", source_labels: ["__meta_x"], target_label: "x" },
    ];
    await writeKind.prepare?.({ rule: rules });
    const looks = (index: number, name: string): string =>
      `rule[${index}] of ${id} looks at "${name}": no label of that kind reaches a pyroscope.write; copy it to another name by a rule of pyroscope.scrape or discovery.relabel`;
    expect(await writeKind.warnings?.(id, withRules(...rules))).toEqual([
      looks(0, "__meta_kubernetes_namespace"),
      looks(1, "__meta_kubernetes_pod_label_"),
    ]);
  });
});
