import type { ComponentConfig } from "./component-config.ts";

/** One component handing something to another, both by id. */
export interface Flow {
  readonly producer: string;
  readonly consumer: string;
}

/**
 * What flows where. Profiles flow along a reference (a scrape names its receivers), targets against it (a scrape names where
 * its targets come from).
 */
export function flowsOf(components: readonly ComponentConfig[]): readonly Flow[] {
  return components.flatMap(({ id, references }) =>
    references.map((reference) =>
      reference.needs === "receiver"
        ? { producer: id, consumer: reference.id }
        : { producer: reference.id, consumer: id },
    ),
  );
}

/**
 * The components in the order in which they start: each after everything it hands something to, so that nothing is produced
 * before there is somebody to take it. Reversed, it is the order in which they stop.
 */
export function consumersFirst(components: readonly ComponentConfig[]): readonly ComponentConfig[] {
  const byId = new Map(components.map((component) => [component.id, component]));
  const consumers = Map.groupBy(flowsOf(components), (flow) => flow.producer);
  const entered = new Set<ComponentConfig>();
  const ordered: ComponentConfig[] = [];
  const visit = (component: ComponentConfig | undefined): void => {
    // Loading refuses cycles; should one come through, it is cut here instead of recursing for ever.
    if (!component || entered.has(component)) return;
    entered.add(component);
    for (const { consumer } of consumers.get(component.id) ?? []) visit(byId.get(consumer));
    ordered.push(component);
  };
  for (const component of components) visit(component);
  return ordered;
}
