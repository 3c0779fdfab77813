import { join } from "node:path";
import { AgentError, systemClock } from "../../src/base/index.ts";
import type { ComponentContext } from "../../src/component/index.ts";
import type { Appender, TargetSource } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { createDataDirectory } from "../../src/storage/index.ts";
import { createMemoryLog } from "./memory-log.ts";

// Beneath a file, so that a test which means to keep something has to say where.
const nowhere = join(import.meta.filename, "storage");

export interface TestContextOverrides extends Partial<Omit<ComponentContext, "receiver" | "targets">> {
  /** What references lead to, by component id. */
  readonly receivers?: ReadonlyMap<string, Appender>;
  readonly targets?: ReadonlyMap<string, TargetSource>;
}

/** A component context for tests of one component, without a graph. Pass a FakeClock as `clock` to turn time by hand. */
export function testContext(overrides: TestContextOverrides = {}): ComponentContext {
  const { receivers, targets, ...given } = overrides;
  const { clock = systemClock, log = createMemoryLog(), metrics = createMetrics() } = given;
  return {
    id: "test.kind.local",
    storage: createDataDirectory(nowhere, { clock, log, metrics }),
    userAgent: "pprof-agent/test",
    ...given,
    clock,
    log,
    metrics,
    receiver: ({ id }) => receivers?.get(id) ?? nobody(id),
    targets: ({ id }) => targets?.get(id) ?? { current: () => [], subscribe: () => () => {} },
  };
}

function nobody(id: string): Appender {
  return {
    append: () => Promise.reject(new AgentError("no_receiver", `Could not hand a profile to "${id}": no receiver`)),
  };
}
