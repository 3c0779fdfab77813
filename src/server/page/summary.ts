import { html } from "hono/html";
import { formatSize } from "../../base/index.ts";
import type { ComponentSnapshot } from "../../component/index.ts";
import { type ClusterStatus, refusesAll } from "../../model/index.ts";
import type { OwnedEndpoint } from "../component-routes.ts";
import { isFailing } from "./discovery-section.ts";
import { ago, counted, grouped } from "./format.ts";
import type { Html, Tone } from "./html.ts";
import type { Stored } from "./profiles-section.ts";
import { countGroups, type TargetGroup } from "../target-groups.ts";
import type { View } from "./view.ts";

export interface Counts {
  readonly groups: readonly TargetGroup[];
  readonly endpoints: readonly OwnedEndpoint[];
  readonly stored: Stored;
  readonly components: readonly ComponentSnapshot[];
  readonly cluster: ClusterStatus | undefined;
}

/** The whole agent at a glance: one tile a section, each a link to it. */
export function summary(counts: Counts, view: View): Html {
  if (counts.components.length === 0) return html``;
  const { stored } = counts;
  const newest = stored.profiles[0]?.profile.scrapedAtMs;
  return html`<nav class="tiles" aria-label="Sections">
${targetsTile(counts)}
${discoveryTile(counts)}
${clusterTile(counts)}
${counts.endpoints.length > 0 ? endpointsTile(counts) : ""}
${
  stored.stores.length === 0
    ? ""
    : tile("#profiles", {
        tone: stored.profiles.length > 0 ? "good" : "idle",
        figure: grouped(stored.profiles.length),
        noun: stored.profiles.length === 1 ? "profile kept" : "profiles kept",
        detail: newest === undefined ? "" : html`${formatSize(stored.bytes)}, newest ${ago(newest, view.nowMs)}`,
      })
}
${componentsTile(counts)}
</nav>`;
}

function targetsTile({ groups }: Counts): Html {
  const { up, down: failing, waiting } = countGroups(groups);
  const details = [failing > 0 && `${grouped(failing)} with failures`, waiting > 0 && `${grouped(waiting)} waiting`];
  const types = groups.reduce((sum, { targets }) => sum + targets.length, 0);
  return tile("#targets", {
    tone: failing > 0 ? "bad" : waiting > 0 || groups.length === 0 ? "idle" : "good",
    figure: up === groups.length ? grouped(up) : html`${grouped(up)}<small> of ${grouped(groups.length)}</small>`,
    noun: groups.length === 1 ? "target up" : "targets up",
    detail: details.filter(Boolean).join(", ") || `${counted(types, "profile type")} in all`,
  });
}

function discoveryTile({ components }: Counts): Html {
  const all = components.flatMap(({ debugInfo }) => debugInfo.discovery ?? []);
  if (all.length === 0) return html``;
  const failing = all.filter(isFailing).length;
  const found = all.reduce((sum, { targets }) => sum + targets, 0);
  const remembered = all.reduce((sum, { fromDisk = 0 }) => sum + fromDisk, 0);
  const isIdle = found === 0 || remembered > 0;
  return tile("#discovery", {
    tone: failing > 0 ? "bad" : isIdle ? "idle" : "good",
    figure: failing > 0 ? html`${grouped(failing)}<small> of ${grouped(all.length)}</small>` : grouped(all.length),
    noun: `${all.length === 1 ? "discovery" : "discoveries"} ${failing > 0 ? "failing" : "well"}`,
    detail: `${counted(found, "target")} found${remembered > 0 ? `, ${grouped(remembered)} of the last run` : ""}`,
  });
}

function clusterTile({ cluster }: Counts): Html {
  if (!cluster) return html``;
  const { state, members, engine, lastError, problem } = cluster;
  const isDown = lastError !== undefined;
  const words = [state === "name_taken" && "name taken", isDown && "engine down"].filter(Boolean).join(", ");
  return tile("#cluster", {
    tone: isDown || problem !== undefined ? "bad" : state === "member" ? "good" : "idle",
    figure: grouped(members.length),
    noun: members.length === 1 ? "cluster member" : "cluster members",
    detail: words || `${state}, by ${engine}`,
  });
}

function endpointsTile({ endpoints }: Counts): Html {
  const refusing = endpoints.filter(({ endpoint }) => refusesAll(endpoint)).length;
  const up = endpoints.filter(({ endpoint }) => endpoint.state === "up").length - refusing;
  const down = endpoints.filter(({ endpoint }) => endpoint.state === "down").length;
  const slowed = endpoints.some(({ endpoint }) => endpoint.pausedSinceMs !== undefined);
  const waiting = endpoints.reduce((sum, { endpoint }) => sum + endpoint.queuedProfiles + endpoint.spooledProfiles, 0);
  return tile("#endpoints", {
    tone: down + refusing > 0 ? "bad" : up < endpoints.length || slowed ? "idle" : "good",
    figure: up === endpoints.length ? grouped(up) : html`${grouped(up)}<small> of ${grouped(endpoints.length)}</small>`,
    noun: endpoints.length === 1 ? "endpoint up" : "endpoints up",
    detail: waiting === 0 ? "nothing waits" : `${counted(waiting, "profile")} ${waiting === 1 ? "waits" : "wait"}`,
  });
}

function componentsTile({ components }: Counts): Html {
  const unhealthy = components.filter(({ health }) => health.state === "unhealthy").length;
  return tile("#components", {
    tone: unhealthy > 0 ? "bad" : "good",
    figure: grouped(components.length),
    noun: components.length === 1 ? "component" : "components",
    detail: unhealthy > 0 ? `${grouped(unhealthy)} unhealthy` : "all healthy",
  });
}

function tile(href: string, content: { tone: Tone; figure: unknown; noun: string; detail: unknown }): Html {
  const { tone, figure, noun, detail } = content;
  return html`<a class="tile ${tone}" href="${href}"><b>${figure}</b> ${noun} <span>${detail}</span></a>`;
}
