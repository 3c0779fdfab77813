import { formatSpan, preview } from "../base/index.ts";
import type { ClusterDocument, CountedComponent, DiscoveryDocument, StatusDocument } from "./status-document.ts";

const messageLength = 400;
/** Of a cluster, so many members are named. */
const shownMembers = 10;

/** Where targets come from: a line for each component that finds some, or hands some on. */
export function discoveryLines({ discovery }: StatusDocument, nowMs: number): readonly string[] {
  return discovery.map((one) => `  ${one.component}: ${foundOf(one, nowMs)}`);
}

function foundOf(found: DiscoveryDocument, nowMs: number): string {
  const { targets, from_disk: fromDisk = 0, dropped = 0, skipped = 0, last_success: success } = found;
  const relabels = found.dropped !== undefined;
  const objects = Object.entries(found.skipped_objects ?? {}).map(([reason, count]) => `${count} ${reason}`);
  const never = !relabels && success === undefined && "no look has succeeded yet";
  return [
    `${targets} ${relabels ? "handed on" : "found"}`,
    fromDisk > 0 && `${fromDisk} of them from disk`,
    dropped > 0 && `${dropped} dropped by its rules`,
    skipped > 0 && `${skipped} skipped`,
    objects.length > 0 && `others became no target (${objects.join(", ")})`,
    never,
    success !== undefined && `last look ${formatSpan(Math.max(0, nowMs - Date.parse(success)))} ago`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Of a component that scrapes: targets that it does not scrape, and why; empty where there are none. */
export function leftOutOf(component: CountedComponent): string {
  const { dropped = 0, skipped = 0, skipped_because: because, of_other_agents: others = 0 } = component;
  const why = because === undefined ? "" : ` (${preview(because, messageLength)})`;
  return [
    dropped > 0 && `${dropped} dropped by its rules`,
    skipped > 0 && `${skipped} skipped${why}`,
    others > 0 && `${others} of other agents of the cluster`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Why nothing is scraped at all. */
export function noTargetLines({ targets, discovery }: StatusDocument): readonly string[] {
  const scraping = targets.by_component;
  if (scraping.length === 0) return ["Targets: none, because no component scrapes"];
  const nothing = ["none is found for it", ...discovery.flatMap(dropsAll)].join("; ");
  return ["Targets: none", ...scraping.map((one) => `  ${one.component}: ${leftOutOf(one) || nothing}`)];
}

function dropsAll({ component, targets, dropped = 0 }: DiscoveryDocument): readonly string[] {
  return targets === 0 && dropped > 0 ? [`the rules of ${component} drop all ${dropped}`] : [];
}

/** This agent's place in the cluster, and its share. */
export function clusterLines(cluster: ClusterDocument | undefined): readonly string[] {
  if (!cluster) return [];
  const { node_name: name, state, problem, engine, members, shares } = cluster;
  const names = members.slice(0, shownMembers).map((member) => member.name);
  const more = members.length > shownMembers ? `, … ${members.length - shownMembers} more` : "";
  const known = members.length === 0 ? "no members known" : `${membersOf(members.length)}: ${names.join(", ")}${more}`;
  const error = engine.last_error;
  return [
    `Cluster: "${name}" is ${state.replaceAll("_", " ")}, ${engine.name} is ${engine.up ? "up" : "DOWN"}, ${known}`,
    ...(problem === undefined ? [] : [`  ${preview(problem, messageLength)}`]),
    ...(error === undefined ? [] : [`  ${preview(error, messageLength)}`]),
    ...shares
      .filter((share) => share.known_targets > 0)
      .map((share) => `  ${share.component}: ${share.owned_targets} of ${share.known_targets} targets are its own`),
  ];
}

function membersOf(members: number): string {
  return members === 1 ? "1 member" : `${members} members`;
}
