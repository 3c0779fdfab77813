import { AgentError } from "../base/index.ts";
import { KubernetesError } from "./kubernetes-error.ts";

/**
 * What follows a failure, where there is a version to watch from. `list`: the next watch would fare no better, and without one nothing else tells
 * what changed. `watch`: nobody is there to say anything of the version; when thousands of agents see the API server come back, a watch costs
 * it less than a list. `watch for now`: it is busy, or restarts behind what balances its load, and a list from every agent is the last that it
 * needs; but what keeps watches alone from beginning looks the same, so that after `mostFailuresInRow` a list is due.
 */
export type AfterFailure = "list" | "watch" | "watch for now";

/** So many failures of the kind `watch for now` make a list due. */
export const mostFailuresInRow = 3;

const byReason: ReadonlyMap<string, AfterFailure> = new Map([
  ["refused", "watch"],
  ["unreachable", "watch"],
  ["dns", "watch"],
  ["reset", "watch for now"],
  ["timeout", "watch for now"],
  ["truncated", "watch for now"],
  ["proxy", "watch for now"],
]);

const busyStatuses: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

export function afterFailure(error: unknown): AfterFailure {
  if (error instanceof KubernetesError)
    return error.status !== undefined && busyStatuses.has(error.status) ? "watch for now" : "list";
  const reason = error instanceof AgentError ? error.reason : "";
  return byReason.get(reason) ?? "list";
}
