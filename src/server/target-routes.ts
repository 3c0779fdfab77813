import type { Hono } from "hono/tiny";
import type { ComponentSnapshot } from "../component/index.ts";
import type { TargetStatus } from "../model/index.ts";
import { targetJson } from "./json.ts";
import type { AppOptions } from "./options.ts";
import { oneOf, Parameters } from "./parameters.ts";

/** A (target, type) and the component that scrapes it. */
export interface OwnedTarget {
  readonly component: string;
  readonly target: TargetStatus;
}

export function targetsOf(components: readonly ComponentSnapshot[]): readonly OwnedTarget[] {
  return components.flatMap(({ id, debugInfo }) =>
    (debugInfo.targets ?? []).map((target) => ({ component: id, target })),
  );
}

/** `/api/v0/targets`: debug information of every (target, type), narrowed by `component`, `type` and `health`. */
export function addTargetRoutes(app: Hono, options: AppOptions): void {
  app.get("/api/v0/targets", (c) => {
    const parameters = new Parameters(c.req.url, ["component", "type", "health"]);
    const component = parameters.one("component");
    const type = parameters.one("type");
    const health = oneOf(parameters, "health", ["up", "down", "unknown"]);
    const targets = targetsOf(options.components())
      .filter((owned) => component === undefined || owned.component === component)
      .filter(({ target }) => type === undefined || target.type === type)
      .filter(({ target }) => health === undefined || target.health === health);
    return c.json({ targets: targets.map((owned) => targetJson(owned.component, owned.target)) });
  });
}
