import type { Hono } from "hono/tiny";
import { compareText, oneLine } from "../base/index.ts";
import type { ComponentSnapshot } from "../component/index.ts";
import type { ClusterState, LeftComponentStatus, LeftEndpointStatus, TargetStatus } from "../model/index.ts";
import { clusterJson } from "./cluster-routes.ts";
import { endpointsOf } from "./component-routes.ts";
import { configJson, endpointJson, rfc3339, targetJson } from "./json.ts";
import type { AppOptions } from "./options.ts";
import { countGroups, groupTargets, isFailing, type TargetGroup } from "./target-groups.ts";
import { targetsOf } from "./target-routes.ts";

/** What is listed of the failures, and of a message. All are counted. */
const shownFailures = 100;
const shownMessage = 1000;

/**
 * `/api/v0/status`: the agent at a glance, for `agent status` and other programs. However many targets there are, it is short: what is well is
 * counted, what is not is listed.
 */
export function addStatusRoutes(app: Hono, options: AppOptions): void {
  const { clock, build } = options;
  const startMs = clock.monotonic();
  app.get("/api/v0/status", (c) => {
    const components = options.components();
    const nowMs = clock.now();
    const cluster = options.cluster();
    return c.json({
      ...build,
      ready: options.ready(),
      stopping: options.stopping(),
      time: rfc3339(nowMs),
      // By the time that passed, because the clock of a box may be set after the start.
      started: rfc3339(nowMs - (clock.monotonic() - startMs)),
      config: configJson(options.config()),
      storage: storageJson(options.storage()),
      targets: targetsJson(groupTargets(targetsOf(components)), { components, clusterState: cluster?.state }),
      endpoints: endpointsOf(components).map(({ component, endpoint }) => ({ component, ...endpointJson(endpoint) })),
      left_on_disk: components.flatMap(({ id, debugInfo }) =>
        (debugInfo.leftEndpoints ?? []).map((left) => ({ component: id, endpoint: left.endpoint, ...keptJson(left) })),
      ),
      left_components: options.leftComponents().map(leftJson),
      newer_on_disk: components.flatMap(({ id, debugInfo: { newerSpoolBytes: bytes } }) =>
        bytes === undefined ? [] : [{ component: id, bytes }],
      ),
      damaged_on_disk: components.flatMap(({ id, debugInfo: { damagedOnDisk: lost } }) =>
        lost ? [{ component: id, profiles: lost.profiles, last: rfc3339(lost.lastMs) }] : [],
      ),
      discovery: components.flatMap(discoveryCounts),
      discovery_failures: components.flatMap(discoveryFailures).slice(0, shownFailures),
      cluster: cluster && clusterJson(cluster, components),
      unhealthy: components.filter(({ health }) => health.state === "unhealthy").map(unhealthyJson),
    });
  });
}

function storageJson({ path, problem }: ReturnType<AppOptions["storage"]>) {
  return { path, problem: problem && oneLine(problem.message, shownMessage), problem_reason: problem?.reason };
}

/** What is on disk of a component that left the configuration. */
function leftJson({ component, newerBytes, ...kept }: LeftComponentStatus) {
  return { component, ...keptJson(kept), newer_bytes: newerBytes };
}

function keptJson({ profiles, bytes, oldestMs, keptUntilMs }: Omit<LeftEndpointStatus, "endpoint">) {
  return { profiles, bytes, oldest: rfc3339(oldestMs), kept_until: rfc3339(keptUntilMs) };
}

/** Where targets come from, and how many of them are there. */
function discoveryCounts({ id, debugInfo: { discovery } }: ComponentSnapshot) {
  if (!discovery) return [];
  const { targets, fromDisk, dropped, skipped, skippedObjects, lastSuccessMs: atMs } = discovery;
  const left = { from_disk: fromDisk, dropped, skipped, skipped_objects: skippedObjects };
  return [{ component: id, targets, ...left, last_success: rfc3339(atMs) }];
}

/** Looks for targets that fail; what was found before is scraped on. */
function discoveryFailures({ id, debugInfo: { discovery } }: ComponentSnapshot) {
  const { lastError, lastErrorMs, shownSources = [] } = discovery ?? {};
  const bySource = shownSources.some((source) => source.lastError === lastError);
  return [...(bySource ? [] : [{ lastError, lastErrorMs }]), ...shownSources].flatMap((failing) =>
    failing.lastError === undefined
      ? []
      : [{ component: id, error: oneLine(failing.lastError, shownMessage), at: rfc3339(failing.lastErrorMs) }],
  );
}

function unhealthyJson({ id, health, running }: ComponentSnapshot) {
  const message = oneLine(health.message, shownMessage);
  return { component: id, message, since: rfc3339(health.updatedMs), running };
}

interface Surroundings {
  readonly components: readonly ComponentSnapshot[];
  /** Absent outside of a cluster. */
  readonly clusterState: ClusterState | undefined;
}

/** A target is a process here, as on the page: all profile types of one address. */
function targetsJson(groups: readonly TargetGroup[], { components, clusterState }: Surroundings) {
  const failures = groups.flatMap(failuresOf);
  const byComponent = Map.groupBy(groups, ({ component }) => component);
  const scraping = components.filter(({ id, debugInfo }) => debugInfo.targets || byComponent.has(id));
  return {
    ...countGroups(groups),
    by_component: scraping
      .toSorted((a, b) => compareText(a.id, b.id))
      .map((scrape) => ({
        component: scrape.id,
        ...countGroups(byComponent.get(scrape.id) ?? []),
        ...leftOut(scrape.debugInfo, clusterState),
        discovered_by: discoveriesOf(scrape, components),
      })),
    failures: failures.slice(0, shownFailures),
    failures_not_listed: Math.max(0, failures.length - shownFailures),
  };
}

/** Whose targets come from where: the components that discover them, also those that only hand on what others find. */
function discoveriesOf(
  { referencesTo }: ComponentSnapshot,
  components: readonly ComponentSnapshot[],
): readonly string[] {
  const found = new Set(referencesTo);
  // A set takes what is added while it is gone through.
  for (const id of found)
    for (const next of components.find((one) => one.id === id)?.referencesTo ?? []) found.add(next);
  return components.filter(({ id, debugInfo }) => debugInfo.discovery && found.has(id)).map(({ id }) => id);
}

/** In these states an agent knows whose the others are; in any other, nobody may have them. */
const sharingStates: readonly (ClusterState | undefined)[] = ["member", "kept"];

/** Targets that are not scraped here, and why. */
function leftOut({ droppedTargets, skippedTargets, share }: ComponentSnapshot["debugInfo"], state?: ClusterState) {
  const notOwned = share && share.knownTargets - share.ownedTargets;
  const isShared = sharingStates.includes(state);
  return {
    dropped: droppedTargets,
    skipped: skippedTargets?.count,
    skipped_because: skippedTargets && oneLine(skippedTargets.message, shownMessage),
    skipped_reason: skippedTargets?.reason,
    of_other_agents: isShared ? notOwned : undefined,
    held_back: isShared ? undefined : notOwned,
  };
}

/** What fails at one target: types that fail alike are one failure. */
function failuresOf({ component, address, service, targets }: TargetGroup) {
  const alike = Map.groupBy(targets.filter(isFailing), ({ lastError = "" }) => lastError);
  return [...alike].map(([error, [first, ...others]]) => {
    const failing = [first as TargetStatus, ...others];
    return {
      component,
      address,
      service_name: service,
      types: failing.map(({ type }) => type),
      all_types: failing.length === targets.length,
      url: targetJson(component, first as TargetStatus).url,
      error: oneLine(error, shownMessage),
      reason: first?.lastErrorReason,
      last_success: rfc3339(lastSuccessMs(failing)),
    };
  });
}

function lastSuccessMs(targets: readonly TargetStatus[]): number | undefined {
  const successes = targets.flatMap(({ lastSuccessMs: atMs }) => (atMs === undefined ? [] : [atMs]));
  return successes.length > 0 ? Math.max(...successes) : undefined;
}
