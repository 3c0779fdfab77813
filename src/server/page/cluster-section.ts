import { html } from "hono/html";
import { formatDuration } from "../../base/index.ts";
import { type ClusterMember, type ClusterState, type ClusterStatus, isSelf } from "../../model/index.ts";
import type { ComponentShare } from "../cluster-routes.ts";
import { ago, grouped } from "./format.ts";
import { cell, type Html, namedCell, outsideText, state, type Tone } from "./html.ts";
import type { View } from "./view.ts";

/** Who shares targets, and what of them is this agent's. Left out where the agent is in no cluster. */
export function clusterSection(status: ClusterStatus | undefined, shares: readonly ComponentShare[], view: View): Html {
  if (!status) return html``;
  const { engine, members, ttlMs } = status;
  const count = members.length === 1 ? "1 member" : `${grouped(members.length)} members`;
  return html`<section id="cluster">
<h2>Cluster</h2>
<div class="card">
<p>${stateOf(status)} <strong>${outsideText(status.nodeName)}</strong>
<span class="hint">${count} in ${engine}, one that is gone is missed after ${formatDuration(ttlMs)}${renewed(status, view)}</span></p>
${remarks(status, view)}
${shares.map(shareLine)}
${members.length === 0 ? "" : memberTable(status, view)}
</div>
</section>`;
}

const words: Readonly<Record<ClusterState, readonly [string, Tone]>> = {
  joining: ["joining", "idle"],
  member: ["member", "good"],
  kept: ["engine lost", "bad"],
  alone: ["engine lost", "bad"],
  stopped: ["engine lost", "bad"],
  away: ["away", "bad"],
  name_taken: ["name taken", "bad"],
  left: ["left", "idle"],
};

function stateOf(status: ClusterStatus): Html {
  const [word, tone] = words[status.state];
  return state(word, tone);
}

function renewed({ lastRenewalMs }: ClusterStatus, { nowMs }: View): Html {
  return lastRenewalMs === undefined ? html`` : html`; renewed ${ago(lastRenewalMs, nowMs)}`;
}

function remarks({ problem, lastError, lastErrorMs }: ClusterStatus, { nowMs }: View): Html {
  const error =
    lastError === undefined
      ? ""
      : html`<p class="error">${outsideText(lastError, 600)} <span class="hint">${lastErrorMs === undefined ? "" : ago(lastErrorMs, nowMs)}</span></p>`;
  return html`${problem === undefined ? "" : html`<p class="error">${outsideText(problem, 600)}</p>`}${error}`;
}

function shareLine({ component, ownedTargets, knownTargets }: ComponentShare): Html {
  return html`<p class="note">${outsideText(component)}: ${grouped(ownedTargets)} of ${grouped(knownTargets)} targets are this agent's</p>`;
}

function memberTable(status: ClusterStatus, { nowMs }: View): Html {
  return html`<table>
<thead><tr><th>Member</th><th>Page</th><th>Started</th></tr></thead>
<tbody>${status.members.map(
    (member) => html`<tr>${cell(html`${outsideText(member.name)}${isSelf(member, status) ? " (this agent)" : ""}`)}
${namedCell("page", pageOf(member))}
${namedCell("started", member.startedMs === undefined ? "unknown" : ago(member.startedMs, nowMs))}</tr>`,
  )}</tbody>
</table>`;
}

function pageOf({ url }: ClusterMember): Html {
  return url === "" ? html`–` : html`<a href="${url}">${outsideText(url)}</a>`;
}
