import { oneLine } from "../base/index.ts";
import type { ClusterDocument, CountedComponent, DiscoveryDocument, StatusDocument } from "./status-document.ts";
import { ago } from "./status-times.ts";

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
    success !== undefined && `last look that succeeded ${ago(success, nowMs)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Of a component that scrapes: targets that it does not scrape, and why. */
export function leftOutOf(component: CountedComponent, { cluster }: StatusDocument): readonly string[] {
  const { dropped = 0, skipped = 0, skipped_because: because, held_back: heldBack = 0 } = component;
  const others = component.of_other_agents ?? 0;
  const why = because === undefined ? "" : ` (${oneLine(because, messageLength)})`;
  return [
    dropped > 0 && `${dropped} dropped by its rules`,
    skipped > 0 && `${skipped} skipped${why}`,
    others > 0 && `${others} of other agents of the cluster`,
    heldBack > 0 && `${heldBack} not scraped, ${whyHeldBack(cluster?.state)}`,
  ].filter((part) => part !== false);
}

/** Why an agent scrapes nothing that is shared. */
function whyHeldBack(state = ""): string {
  const reasons: Readonly<Record<string, string>> = {
    joining: "because this agent has not joined the cluster yet",
    stopped: 'because the engine is lost (on_engine_loss = "stop")',
    away: "because this agent did not run and has not asked the engine since",
    name_taken: "because another agent has this node name",
    left: "because this agent is ending",
  };
  return reasons[state] ?? "because they are shared in the cluster";
}

/** Why nothing is scraped at all. */
export function noTargetLines(status: StatusDocument): readonly string[] {
  const scraping = status.targets.by_component;
  if (scraping.length === 0) return ["Targets: none, because no component scrapes"];
  return ["Targets: none", ...scraping.map((one) => `  ${one.component}: ${whyNone(one, status)}`)];
}

/** Why a component scrapes nothing. */
export function whyNone(component: CountedComponent, status: StatusDocument): string {
  const leftOut = leftOutOf(component, status);
  if (leftOut.length > 0) return leftOut.join(", ");
  const found = status.discovery.filter((one) => component.discovered_by.includes(one.component));
  return ["none is found for it", ...found.flatMap(dropsAll)].join("; ");
}

function dropsAll({ component, targets, dropped = 0 }: DiscoveryDocument): readonly string[] {
  return targets === 0 && dropped > 0 ? [`the rules of ${component} drop all ${dropped}`] : [];
}

/** This agent's place in the cluster, and its share. */
export function clusterLines({ cluster }: StatusDocument, nowMs: number): readonly string[] {
  if (!cluster) return [];
  const { node_name: name, state, problem, engine, shares } = cluster;
  const error = engine.last_error;
  const is = state === "member" ? "is a member" : `is in state ${state}`;
  return [
    `Cluster: "${name}" ${is}, ${engine.name} is ${engine.up ? "up" : "DOWN"}, ${membersOf(cluster, nowMs)}`,
    ...(problem === undefined ? [] : [`  ${oneLine(problem, messageLength)}`]),
    ...(error === undefined ? [] : [`  ${oneLine(error, messageLength)}`]),
    ...shares
      .filter((share) => share.known_targets > 0)
      .map((share) => `  ${share.component}: ${share.owned_targets} of ${share.known_targets} targets are its own`),
  ];
}

/** Who is a member, and when the engine said so where it does not answer now. */
function membersOf({ members, engine }: ClusterDocument, nowMs: number): string {
  if (members.length === 0) return "no members known";
  const names = members.slice(0, shownMembers).map((member) => member.name);
  const more = members.length > shownMembers ? `, … ${members.length - shownMembers} more` : "";
  const asOf =
    engine.up || engine.last_answer === undefined ? "" : ` when it answered last, ${ago(engine.last_answer, nowMs)}`;
  return `${members.length === 1 ? "1 member" : `${members.length} members`}${asOf}: ${names.join(", ")}${more}`;
}
