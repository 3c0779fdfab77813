import type { Hono } from "hono/tiny";
import { nearest, preview } from "../base/index.ts";
import type { ComponentSnapshot, DebugInfo, Exports } from "../component/index.ts";
import { type EndpointStatus, labelsToJson } from "../model/index.ts";
import { discoveryJson, endpointJson, rfc3339, shown, snakeCase, targetJson } from "./json.ts";
import type { AppOptions } from "./options.ts";
import { RequestError } from "./request-error.ts";

/** An endpoint and the component that pushes to it. */
export interface OwnedEndpoint {
  readonly component: string;
  readonly endpoint: EndpointStatus;
}

export function endpointsOf(components: readonly ComponentSnapshot[]): readonly OwnedEndpoint[] {
  return components.flatMap(({ id, debugInfo }) =>
    (debugInfo.endpoints ?? []).map((endpoint) => ({ component: id, endpoint })),
  );
}

/** `/api/v0/components` lists them; `/api/v0/components/ID` tells all about one. */
export function addComponentRoutes(app: Hono, options: AppOptions): void {
  app.get("/api/v0/components", (c) => c.json({ components: options.components().map(componentJson) }));
  app.get("/api/v0/components/:id", (c) => {
    const id = c.req.param("id");
    const components = options.components();
    const component = components.find((candidate) => candidate.id === id);
    if (!component) throw unknownComponent(id, components);
    return c.json({
      ...componentJson(component),
      arguments: shown(component.arguments),
      exports: exportsJson(component.id, component.exports),
      debug_info: debugInfoJson(component.id, component.debugInfo),
    });
  });
}

function componentJson({ id, kind, health, running, referencesTo, referencedBy }: ComponentSnapshot) {
  return {
    id,
    kind,
    health: { state: health.state, message: health.message, updated: rfc3339(health.updatedMs) },
    running,
    references_to: referencesTo,
    referenced_by: referencedBy,
  };
}

function exportsJson(id: string, { receiver, targets, profiles }: Exports) {
  return {
    receiver: receiver && `${id}.receiver`,
    targets: targets?.current().map(labelsToJson),
    profiles: profiles && `/api/v0/profiles?component=${encodeURIComponent(id)}`,
  };
}

function debugInfoJson(id: string, { targets, endpoints, discovery, ...rest }: DebugInfo) {
  return {
    targets: targets?.map((target) => targetJson(id, target)),
    endpoints: endpoints?.map(endpointJson),
    discovery: discovery && discoveryJson(discovery),
    ...(shown(rest, snakeCase) as object),
  };
}

/** Names all components that there are, for programs, and the one that was probably meant, for people. */
function unknownComponent(id: string, components: readonly ComponentSnapshot[]): RequestError {
  const ids = components.map((component) => component.id);
  const meant = nearest(id, ids);
  const hint = meant === undefined ? "; /api/v0/components lists them" : `; did you mean "${meant}"?`;
  return new RequestError("not_found", `No component "${preview(id)}"${hint}`, { components: ids });
}
