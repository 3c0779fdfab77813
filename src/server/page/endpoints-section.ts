import { html } from "hono/html";
import { formatSize, withoutUserinfo } from "../../base/index.ts";
import type { ComponentSnapshot } from "../../component/index.ts";
import type { EndpointStatus } from "../../model/index.ts";
import { ago, counted, grouped } from "./format.ts";
import { cell, type Html, namedCell, outsideText, state, toneOf } from "./html.ts";
import type { View } from "./view.ts";

/** An endpoint and the component that pushes to it. */
export interface OwnedEndpoint {
  readonly component: string;
  readonly endpoint: EndpointStatus;
}

export function endpointsOf(components: readonly ComponentSnapshot[]): readonly OwnedEndpoint[] {
  return components.flatMap(({ id, debugInfo }) =>
    (debugInfo.endpoints ?? []).map((endpoint) => ({ component: id, endpoint })),
  );
}

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
<thead><tr><th>Endpoint</th><th>State</th><th>Queued</th><th>In flight</th><th>Sent</th><th>Dropped</th><th>Last success</th></tr></thead>
<tbody>${endpoints.map((owned) => endpointRow(owned, view))}</tbody>
</table></div>`;
}

function endpointRow({ component, endpoint }: OwnedEndpoint, { nowMs }: View): Html {
  const { state: health, lastSuccessMs, lastError, lastErrorMs } = endpoint;
  const error =
    lastError === undefined || health === "up"
      ? ""
      : html`<tr class="error"><td colspan="7">${outsideText(lastError, 600)}
<span class="hint">${lastErrorMs === undefined ? "" : ago(lastErrorMs, nowMs)}</span></td></tr>`;
  return html`<tr>${cell(endpointName(component, endpoint))}
${cell(state(health === "unknown" ? "waiting" : health, toneOf[health]))}
${namedCell("queued", queued(endpoint, nowMs))}
${namedCell("in flight", grouped(endpoint.inFlight))}
${namedCell("sent", grouped(endpoint.sentProfiles))}
${namedCell("dropped", endpoint.droppedProfiles > 0 ? html`<strong class="bad">${grouped(endpoint.droppedProfiles)}</strong>` : "0")}
${namedCell("last success", lastSuccessMs === undefined ? "never" : ago(lastSuccessMs, nowMs))}</tr>${error}`;
}

function endpointName(component: string, { name, url }: EndpointStatus): Html {
  const address = withoutUserinfo(url);
  const named = name === "" || name === url || name === address ? "" : html`<strong>${outsideText(name)}</strong> `;
  return html`${named}${outsideText(address)}<br><span class="hint">${outsideText(component)}</span>`;
}

function queued({ queuedProfiles, queuedBytes, oldestQueuedMs }: EndpointStatus, nowMs: number): Html {
  if (queuedProfiles === 0) return html`empty`;
  const oldest = oldestQueuedMs === undefined ? "" : html`, oldest ${ago(oldestQueuedMs, nowMs)}`;
  return html`${counted(queuedProfiles, "profile")}, ${formatSize(queuedBytes)}${oldest}`;
}
