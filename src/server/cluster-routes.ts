import type { Hono } from "hono/tiny";
import { formatDuration } from "../base/index.ts";
import type { ComponentSnapshot } from "../component/index.ts";
import { type ClusterMember, type ClusterStatus, isSelf, type ShareStatus } from "../model/index.ts";
import { rfc3339 } from "./json.ts";
import type { AppOptions } from "./options.ts";

/** A component that shares its targets, and how many of them are this agent's. */
export interface ComponentShare extends ShareStatus {
  readonly component: string;
}

export function sharesOf(components: readonly ComponentSnapshot[]): readonly ComponentShare[] {
  return components.flatMap(({ id, debugInfo: { share } }) => (share ? [{ component: id, ...share }] : []));
}

/** `/api/v0/cluster`: who shares targets, and what of them is this agent's. */
export function addClusterRoutes(app: Hono, options: AppOptions): void {
  app.get("/api/v0/cluster", (c) => {
    const status = options.cluster();
    return c.json(status ? { enabled: true, ...clusterJson(status, options.components()) } : { enabled: false });
  });
}

/** The cluster, and what of the components' targets is this agent's. */
export function clusterJson(status: ClusterStatus, components: readonly ComponentSnapshot[]) {
  return {
    node_name: status.nodeName,
    state: status.state,
    problem: status.problem,
    ttl: formatDuration(status.ttlMs),
    on_engine_loss: status.onEngineLoss,
    engine: {
      name: status.engine,
      up: status.engineUp,
      last_answer: rfc3339(status.lastAnswerMs),
      last_renewal: rfc3339(status.lastRenewalMs),
      last_error: status.lastError,
      last_error_at: rfc3339(status.lastErrorMs),
    },
    members: status.members.map((member) => memberJson(member, status)),
    shares: sharesOf(components).map(shareJson),
  };
}

function memberJson(member: ClusterMember, status: ClusterStatus) {
  const { name, url, startedMs } = member;
  return { name, url: url || undefined, started: rfc3339(startedMs), self: isSelf(member, status) };
}

function shareJson({ component, ownedTargets, knownTargets }: ComponentShare) {
  return { component, owned_targets: ownedTargets, known_targets: knownTargets };
}
