import { html } from "hono/html";
import { formatSize, withoutUserinfo } from "../../base/index.ts";
import type { ComponentSnapshot } from "../../component/index.ts";
import { type EndpointStatus, refusesAll } from "../../model/index.ts";
import type { OwnedEndpoint } from "../component-routes.ts";
import { ago, grouped, isNotable, skew, until } from "./format.ts";
import { cell, type Html, namedCell, outsideText, state, toneOf } from "./html.ts";
import type { View } from "./view.ts";

/** Where profiles are pushed. Left out where they are kept on this box only. */
export function endpointsSection(
  endpoints: readonly OwnedEndpoint[],
  components: readonly ComponentSnapshot[],
  view: View,
): Html {
  const keeps = components.some(({ exports }) => exports.profiles);
  if (endpoints.length === 0 && (keeps || components.length === 0)) return html``;
  return html`<section id="endpoints">
<h2>Endpoints</h2>
${endpoints.length === 0 ? nowhere() : endpointTable(endpoints, view)}
</section>`;
}

function nowhere(): Html {
  return html`<p class="empty"><strong>Profiles go nowhere.</strong> Add <code>[[pyroscope.write.NAME.endpoint]]</code>
with the <code>url</code> of a server, or a table <code>[pyroscope.store.NAME]</code> to keep them on this box, and name it
in <code>forward_to</code>.</p>`;
}

function endpointTable(endpoints: readonly OwnedEndpoint[], view: View): Html {
  return html`<div class="card"><table>
<thead><tr><th>Endpoint</th><th>State</th><th>Waiting</th><th>In flight</th><th>Sent</th><th>Dropped</th><th>Last success</th></tr></thead>
<tbody>${endpoints.map((owned) => endpointRow(owned, view))}</tbody>
</table></div>`;
}

function endpointRow({ component, endpoint }: OwnedEndpoint, view: View): Html {
  const { lastSuccessMs } = endpoint;
  return html`<tr>${cell(endpointName(component, endpoint))}
${cell(endpointState(endpoint))}
${namedCell("waiting", waiting(endpoint, view.nowMs))}
${namedCell("in flight", grouped(endpoint.inFlight))}
${namedCell("sent", grouped(endpoint.sentProfiles))}
${namedCell("dropped", dropped(endpoint, view.nowMs))}
${namedCell("last success", lastSuccessMs === undefined ? "never" : ago(lastSuccessMs, view.nowMs))}</tr>${remarks(endpoint, view)}`;
}

function endpointState(endpoint: EndpointStatus): Html {
  const { state: health, pausedSinceMs } = endpoint;
  if (refusesAll(endpoint)) return state("refuses", "bad");
  if (health === "up" && pausedSinceMs !== undefined) return state("up, slowed down", "idle");
  return state(health === "unknown" ? "waiting" : health, toneOf[health]);
}

/** What is wrong, what to do about it, and when the agent tries again: lines across the whole table. */
function remarks(endpoint: EndpointStatus, { nowMs }: View): readonly Html[] {
  const { state: health, lastError, lastErrorMs, spoolProblem, clockSkewMs = 0 } = endpoint;
  const error = health === "up" && endpoint.pausedSinceMs === undefined ? undefined : lastError;
  const refused = endpoint.lastDropMessage === error ? undefined : endpoint.lastDropMessage;
  const lines = [
    error !== undefined &&
      remark(
        "error",
        html`${outsideText(error, 600)} <span class="hint">${lastErrorMs === undefined ? "" : ago(lastErrorMs, nowMs)}</span>`,
      ),
    spoolProblem !== undefined && remark("error", html`<strong>Disk:</strong> ${outsideText(spoolProblem, 600)}`),
    refused !== undefined && remark("note", html`<strong>Dropped:</strong> ${outsideText(refused, 600)}`),
    nextStep(endpoint, nowMs),
    isNotable(clockSkewMs) && remark("note", html`The server's clock is ${skew(clockSkewMs)} this machine's.`),
  ];
  return lines.filter((line) => line !== false);
}

function nextStep({ advice: ofError, dropAdvice, pausedUntilMs = 0 }: EndpointStatus, nowMs: number): Html | false {
  const advice = ofError ?? dropAdvice;
  if (advice === undefined && pausedUntilMs <= nowMs) return false;
  const attempt = pausedUntilMs > nowMs ? html`Next attempt ${until(pausedUntilMs, nowMs)}. ` : "";
  return remark(
    "note",
    html`${attempt}${advice === undefined ? "" : html`<strong>To do:</strong> ${outsideText(advice, 600)}`}`,
  );
}

function remark(tone: "error" | "note", content: Html): Html {
  return html`<tr class="${tone}"><td colspan="7">${content}</td></tr>`;
}

function dropped({ droppedProfiles, droppedByReason = {}, lastDroppedMs }: EndpointStatus, nowMs: number): Html {
  if (droppedProfiles === 0) return html`0`;
  const reasons = Object.entries(droppedByReason).sort(([, a], [, b]) => b - a);
  const why = reasons.map(([reason, count], i) => html`${i > 0 ? ", " : ""}${grouped(count)} <code>${reason}</code>`);
  return html`<strong class="bad">${grouped(droppedProfiles)}</strong>
<span class="hint">${why}${lastDroppedMs === undefined ? "" : html`; last ${ago(lastDroppedMs, nowMs)}`}</span>`;
}

function endpointName(component: string, { name, url }: EndpointStatus): Html {
  const address = withoutUserinfo(url);
  const named = name === "" || name === url || name === address ? "" : html`<strong>${outsideText(name)}</strong> `;
  return html`${named}${outsideText(address)}<br><span class="hint">${outsideText(component)}</span>`;
}

/** What is to be delivered, in memory and on disk. */
function waiting(endpoint: EndpointStatus, nowMs: number): Html {
  const { queuedProfiles, queuedBytes, spooledProfiles, spooledBytes, oldestQueuedMs } = endpoint;
  if (queuedProfiles + spooledProfiles === 0) return html`nothing`;
  const places = [
    queuedProfiles > 0 && `${grouped(queuedProfiles)} in memory, ${formatSize(queuedBytes)}`,
    spooledProfiles > 0 && `${grouped(spooledProfiles)} on disk, ${formatSize(spooledBytes)}`,
  ].filter((place) => place !== false);
  return html`${places.map((place, i) => html`${i > 0 ? html`<br>` : ""}${place}`)}
${oldestQueuedMs === undefined ? "" : html`<br><span class="hint">oldest ${ago(oldestQueuedMs, nowMs)}</span>`}`;
}
