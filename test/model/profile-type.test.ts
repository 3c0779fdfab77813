import { describe, expect, test } from "bun:test";
import { type ProfileType, profileTypeNamed, profileTypes } from "../../src/model/index.ts";

// The blocks of profiling_config as seed 002 documents them: name, enabled, path, delta ("–" where there is no such argument).
const documented: [name: string, enabled: boolean, path: string, delta: boolean | "–"][] = [
  ["memory", true, "/debug/pprof/allocs", false],
  ["block", true, "/debug/pprof/block", false],
  ["goroutine", true, "/debug/pprof/goroutine", false],
  ["mutex", true, "/debug/pprof/mutex", false],
  ["process_cpu", true, "/debug/pprof/profile", true],
  ["fgprof", false, "/debug/fgprof", true],
  ["godeltaprof_memory", false, "/debug/pprof/delta_heap", "–"],
  ["godeltaprof_mutex", false, "/debug/pprof/delta_mutex", "–"],
  ["godeltaprof_block", false, "/debug/pprof/delta_block", "–"],
];

describe("The table of profile types", () => {
  test.each(documented)("has %s with its documented defaults", (name, enabled, path, delta) => {
    const type = profileTypeNamed(name) as ProfileType;
    expect([type.enabled, type.path, type.deltaArgument ? type.delta : "–"]).toEqual([enabled, path, delta]);
  });

  test("has no other type", () => {
    expect(profileTypes.map((type) => type.name)).toEqual(documented.map(([name]) => name));
    expect(profileTypeNamed("threadcreate")).toBeUndefined();
  });

  test("never asks a target for a delta that the agent computes too", () => {
    expect(profileTypes.filter((type) => type.delta && type.cumulative.length > 0)).toEqual([]);
  });

  test("pushes a godeltaprof type under the name of the plain type it replaces, and makes no delta of it", () => {
    for (const type of profileTypes.filter(({ name }) => name.startsWith("godeltaprof_"))) {
      expect(type).toMatchObject({ delta: false, cumulative: [], replaces: type.seriesName });
      expect(profileTypeNamed(type.seriesName)).toMatchObject({ enabled: true, seriesName: type.seriesName });
    }
  });

  // Reference 2.1: type and unit as Go writes them.
  const cumulative: [name: string, columns: string[]][] = [
    ["memory", ["alloc_objects/count", "alloc_space/bytes"]],
    ["block", ["contentions/count", "delay/nanoseconds"]],
    ["mutex", ["contentions/count", "delay/nanoseconds"]],
  ];
  test.each(cumulative)("names the columns of %s that grow over a process' life", (name, columns) => {
    expect(profileTypeNamed(name)?.cumulative).toEqual(columns);
  });
});
