import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { formatPlan, planOf, planToJson } from "../../src/cli/plan.ts";
import { type ComponentConfig, type ComponentKind, Reference } from "../../src/component/index.ts";
import { type Labels, labelsOf, labelsToJson, labelValue, type PlannedScrape } from "../../src/model/index.ts";

const scrapes: readonly PlannedScrape[] = [
  {
    job: "local",
    type: "process_cpu",
    url: "http://user:hunter2@a:1/debug/pprof/profile?seconds=14",
    intervalMs: 15_000,
    timeoutMs: 18_000,
    seconds: 14,
    labels: labelsOf({ __name__: "process_cpu", service_name: "a" }),
    delta: "target",
  },
  {
    job: "local",
    type: "goroutine",
    url: "http://a:1/debug/pprof/goroutine",
    intervalMs: 15_000,
    timeoutMs: 18_000,
    labels: labelsOf({ __name__: "goroutine", service_name: "a" }),
    delta: "none",
  },
];

function kind(name: string, more: Partial<ComponentKind> = {}): ComponentKind {
  return {
    name,
    summary: "",
    schema: v.unknown(),
    create: () => {
      throw new Error("A plan makes no component");
    },
    ...more,
  };
}

/** A receiver that adds a label to one of the two series. */
function outgoingLabels(_args: unknown, labels: Labels): Labels {
  return labelValue(labels, "__name__") === "goroutine"
    ? labelsOf({ ...labelsToJson(labels), env: "staging" })
    : labels;
}

const components: readonly ComponentConfig[] = [
  {
    id: "scrape.local",
    kind: kind("scrape", { plan: () => scrapes }),
    raw: {},
    args: {},
    references: [new Reference("write.local", "receiver"), new Reference("find.pods", "targets")],
  },
  { id: "write.local", kind: kind("write", { outgoingLabels }), raw: {}, args: {}, references: [] },
];

describe("A plan", () => {
  test("is shown with every URL, its times, delta, labels and receivers, and never a password", () =>
    expect(
      formatPlan(planOf({ components, warnings: ["scrape.local: something is odd"] })),
    ).toBe(`Valid: 2 components, 2 URLs to scrape

scrape.local -> write.local
  http://a:1/debug/pprof/profile?seconds=14
    process_cpu: every 15s, 14s long, timeout 18s, delta by the target
    {__name__="process_cpu", service_name="a"}
  http://a:1/debug/pprof/goroutine
    goroutine: every 15s, timeout 18s
    {__name__="goroutine", service_name="a"}
    write.local sends it as {__name__="goroutine", env="staging", service_name="a"}
  and the targets that find.pods finds: --explain shows them

write.local

Warning: scrape.local: something is odd
`));

  test("is the same as JSON", () => {
    const goroutine = {
      url: "http://a:1/debug/pprof/goroutine",
      type: "goroutine",
      job: "local",
      scrape_interval: "15s",
      scrape_timeout: "18s",
      delta: "none",
      labels: { __name__: "goroutine", service_name: "a" },
      sent_as: { "write.local": { __name__: "goroutine", env: "staging", service_name: "a" } },
    };
    const cpu = {
      ...goroutine,
      url: "http://a:1/debug/pprof/profile?seconds=14",
      type: "process_cpu",
      seconds: 14,
      delta: "target",
      labels: { __name__: "process_cpu", service_name: "a" },
      sent_as: {},
    };
    expect(
      JSON.parse(JSON.stringify(planToJson(planOf({ components, warnings: ["scrape.local: something is odd"] })))),
    ).toEqual({
      valid: true,
      components: [
        { id: "scrape.local", forward_to: ["write.local"], targets_from: ["find.pods"], scrapes: [cpu, goroutine] },
        { id: "write.local", forward_to: [], targets_from: [], scrapes: [] },
      ],
      warnings: ["scrape.local: something is odd"],
    });
  });
});
