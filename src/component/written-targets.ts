import { AgentError } from "../base/index.ts";
import type { Target } from "../model/index.ts";
import type { ComponentConfig } from "./component-config.ts";

/**
 * By component, the targets in the configuration that come to it through others, such as relabelling ones: what is known of them before
 * anything is looked for. Those in its own arguments are not among them.
 */
export function writtenTargets(components: readonly ComponentConfig[]): ReadonlyMap<string, readonly Target[]> {
  const byId = new Map(components.map((component) => [component.id, component]));
  const exported = new Map<string, readonly Target[]>();
  const given = ({ references }: ComponentConfig): readonly Target[] =>
    references.filter(({ needs }) => needs === "targets").flatMap(({ id }) => exportOf(byId.get(id)));
  const exportOf = (component: ComponentConfig | undefined): readonly Target[] => {
    if (component?.kind.exports !== "targets") return [];
    const known = exported.get(component.id);
    if (known) return known;
    // References go round in no circle: the configuration was checked.
    const targets = exportsOf(component, given(component));
    exported.set(component.id, targets);
    return targets;
  };
  return new Map(components.map((component) => [component.id, given(component)]));
}

function exportsOf({ kind, args }: ComponentConfig, given: readonly Target[]): readonly Target[] {
  const targets = [...(kind.literalTargets?.(args) ?? []), ...given];
  return targets.flatMap((target) => {
    try {
      const result = kind.exportedTarget?.(args, target);
      return result ? [result] : [];
    } catch (thrown) {
      // Rules that make more of a target than is taken cost this one only; the component warns of it.
      if (thrown instanceof AgentError) return [];
      throw thrown;
    }
  });
}

/** The components that a component takes targets from, as far as some of these are found once they run: not all are in the file. */
export function findingSources(
  { references }: ComponentConfig,
  components: readonly ComponentConfig[],
): readonly string[] {
  const sources = references.filter(({ needs }) => needs === "targets").map(({ id }) => id);
  return sources.filter((id) => {
    const source = components.find((component) => component.id === id);
    return !source?.kind.exportedTarget || findingSources(source, components).length > 0;
  });
}
