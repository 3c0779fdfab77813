import { compareText } from "../base/index.ts";
import { labelValue, type TargetStatus } from "../model/index.ts";
import type { OwnedTarget } from "./target-routes.ts";

/** What one component scrapes at one address for one service: usually one process. */
export interface TargetGroup {
  readonly component: string;
  /** `host:6060`, `unix:///run/app.sock` */
  readonly address: string;
  readonly service: string;
  /** One per profile type. */
  readonly targets: readonly OwnedTarget["target"][];
  /** How many of them fail, and how many have not been scraped yet. */
  readonly down: number;
  readonly waiting: number;
}

/** Targets by component, address and service; those with failures first, then those that wait, then by name. */
export function groupTargets(owned: readonly OwnedTarget[]): readonly TargetGroup[] {
  const groups = Map.groupBy(owned, groupKey);
  return [...groups.values()].map(targetGroup).sort(byUrgency);
}

/** For how many intervals others may have a process' CPU profiler before that is a failure. */
const busyIntervals = 3;

/**
 * Whether a target is down, or gives no CPU profile because others take one again and again: its health stays what it was then, since the
 * process answers, and the profiles are missing all the same.
 */
export function isFailing({ health, lastErrorReason, ...times }: TargetStatus): boolean {
  if (health === "down" || lastErrorReason !== "cpu_busy") return health === "down";
  const { intervalMs, lastScrapeMs = 0, lastSuccessMs } = times;
  return lastSuccessMs === undefined || lastScrapeMs - lastSuccessMs > busyIntervals * intervalMs;
}

/** How many are up: nothing of them fails, and something was scraped. */
export function countGroups(groups: readonly TargetGroup[]) {
  const down = groups.filter((group) => group.down > 0).length;
  const waiting = groups.filter((group) => group.waiting === group.targets.length).length;
  return { total: groups.length, up: groups.length - down - waiting, down, waiting };
}

function targetGroup(members: readonly OwnedTarget[]): TargetGroup {
  const first = members[0] as OwnedTarget;
  const targets = members.map(({ target }) => target).sort((a, b) => compareText(a.type, b.type));
  return {
    component: first.component,
    address: addressOf(first),
    service: serviceOf(first),
    targets,
    down: targets.filter(isFailing).length,
    waiting: targets.filter((target) => target.health === "unknown" && !isFailing(target)).length,
  };
}

function byUrgency(a: TargetGroup, b: TargetGroup): number {
  return (
    Number(b.down > 0) - Number(a.down > 0) ||
    Number(b.waiting > 0) - Number(a.waiting > 0) ||
    compareText(a.service, b.service) ||
    compareText(a.address, b.address) ||
    compareText(a.component, b.component)
  );
}

function groupKey(owned: OwnedTarget): string {
  return JSON.stringify([owned.component, addressOf(owned), serviceOf(owned)]);
}

function addressOf({ target }: OwnedTarget): string {
  // The host of a unix: URL is empty; its path ends where that of the request begins.
  return URL.parse(target.url)?.host || (/^unix:[^:]*/.exec(target.url)?.[0] ?? target.url);
}

function serviceOf({ target }: OwnedTarget): string {
  return labelValue(target.labels, "service_name");
}
