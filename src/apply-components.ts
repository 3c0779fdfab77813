import type { Config } from "./config/index.ts";

type Components = Config["components"];

/** What takes the components of a configuration; throws where it will not have them, and then goes on with those it had. */
export interface ComponentHolder {
  applyConfig(components: Components): void;
}

export interface ApplyOptions {
  readonly graph: ComponentHolder;
  /** Never refuses. Told first, because it closes what a component that comes back needs to run. */
  readonly left: ComponentHolder;
}

/** Puts the components of a configuration into force, whole or not at all; rethrows what the graph refuses them for. */
export function createApply({ graph, left }: ApplyOptions): (components: Components) => void {
  let inForce: Components = [];
  return (components) => {
    left.applyConfig(components);
    try {
      graph.applyConfig(components);
    } catch (thrown) {
      left.applyConfig(inForce);
      throw thrown;
    }
    inForce = components;
  };
}
