import { AgentError, systemClock } from "../../src/base/index.ts";
import type { ComponentContext } from "../../src/component/index.ts";
import type { Appender, TargetSource } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { createMemoryLog } from "./memory-log.ts";

export interface TestContextOverrides extends Partial<Omit<ComponentContext, "receiver" | "targets">> {
  /** What references lead to, by component id. */
  readonly receivers?: ReadonlyMap<string, Appender>;
  readonly targets?: ReadonlyMap<string, TargetSource>;
}

/** A component context for tests of one component, without a graph. Pass a FakeClock as `clock` to turn time by hand. */
export function testContext(overrides: TestContextOverrides = {}): ComponentContext {
  const { receivers, targets, ...given } = overrides;
  return {
    id: "test.kind.local",
    log: createMemoryLog(),
    metrics: createMetrics(),
    clock: systemClock,
    storagePath: "/nonexistent/test-storage",
    userAgent: "pprof-agent/test",
    ...given,
    receiver: ({ id }) => receivers?.get(id) ?? nobody(id),
    targets: ({ id }) => targets?.get(id) ?? { current: () => [], subscribe: () => () => {} },
  };
}

function nobody(id: string): Appender {
  return {
    append: () => Promise.reject(new AgentError("no_receiver", `Could not hand a profile to "${id}": no receiver`)),
  };
}
