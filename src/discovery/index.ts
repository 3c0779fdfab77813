/**
 * discovery: the kinds of components that find targets, `discovery.*`.
 *
 * Flow: a mechanism is one file (or folder): the schema of its arguments and a function that makes a Finder of them. The finder looks,
 * once every interval (polling) or as it is told of changes, and reports what it found source by source. All else is done once for
 * all of them (discovery-component): the sources are merged, changes are published together (target-export), and what is known is kept on
 * the disk (keep-targets) until its component leaves the configuration (left-targets).
 *
 * Constraints: a look that fails costs nothing that was known; an empty answer is an answer. What is known is bounded
 * (`limits.discoveredTargets`, `limits.discoveryBytes`), and so is every body and file that it is read from.
 * What is made of one answer is counted while it is made (bounded-targets). What a look can do without is asked for within a share of its
 * time, and fails nothing (side-questions). Only a kind that this machine alone fills names unix sockets
 * (socket-targets).
 *
 * `discovery.relabel` (relabel) finds nothing: it changes and drops what others export, at once. Nothing else here looks at labels.
 */
import type { ComponentKind } from "../component/index.ts";
import { dnsKind } from "./dns.ts";
import { dockerKind } from "./docker.ts";
import { dockerswarmKind } from "./dockerswarm.ts";
import { fileKind } from "./file.ts";
import { httpKind } from "./http.ts";
import { kubernetesKind } from "./kubernetes/kubernetes-kind.ts";
import { processKind } from "./process.ts";
import { relabelKind } from "./relabel.ts";

export { type DiscoveryKindOptions, discoveryKind } from "./discovery-kind.ts";
export { DiscoveryError, type DiscoveryReason } from "./discovery-error.ts";
export type { Finder, FinderContext, Report } from "./finder.ts";
export { type LeftTargetsOptions, removeLeftTargets } from "./left-targets.ts";
export { polling, type PollingOptions } from "./polling.ts";

/** Every kind of this room. */
export const discoveryKinds: readonly ComponentKind[] = [
  httpKind,
  fileKind,
  dnsKind,
  kubernetesKind,
  dockerKind,
  dockerswarmKind,
  processKind,
  relabelKind,
] as readonly ComponentKind[];
