import { html } from "hono/html";
import type { ComponentSnapshot } from "../../component/index.ts";
import type { DiscoverySourceStatus, DiscoveryStatus } from "../../model/index.ts";
import { ago, counted, grouped } from "./format.ts";
import { cell, type Html, namedCell, outsideText, state } from "./html.ts";
import type { View } from "./view.ts";

/** As many failing sources of one component are shown; the API has more. */
const shownErrors = 5;

interface Discovery {
  readonly id: string;
  readonly status: DiscoveryStatus;
}

/** Where targets come from. Left out where none are discovered. */
export function discoverySection(components: readonly ComponentSnapshot[], view: View): Html {
  const all = components.flatMap(({ id, debugInfo }) =>
    debugInfo.discovery ? [{ id, status: debugInfo.discovery }] : [],
  );
  if (all.length === 0) return html``;
  return html`<section id="discovery">
<h2>Discovery</h2>
<div class="card"><table>
<thead><tr><th>Component</th><th>State</th><th>Targets</th><th>Sources</th><th>Last success</th></tr></thead>
<tbody>${all.map((discovery) => discoveryRow(discovery, view))}</tbody>
</table></div>
</section>`;
}

function discoveryRow({ id, status }: Discovery, { nowMs }: View): Html {
  const { targets, sources, lastSuccessMs } = status;
  return html`<tr>${cell(html`<a href="/api/v0/components/${encodeURIComponent(id)}">${outsideText(id)}</a>`)}
${cell(stateOf(status))}
${namedCell("targets", grouped(targets))}
${namedCell("sources", grouped(sources))}
${namedCell("last success", lastSuccessMs === undefined ? "–" : ago(lastSuccessMs, nowMs))}</tr>${remarks(status, nowMs)}${leftOutRow(status)}${skippedRow(status)}`;
}

/** Whether a look failed, as a whole or at one of its sources. */
export function isFailing({ lastError, shownSources }: DiscoveryStatus): boolean {
  return lastError !== undefined || shownSources.some((source) => source.lastError !== undefined);
}

function stateOf(status: DiscoveryStatus): Html {
  const { lastSuccessMs, shownSources } = status;
  if (isFailing(status)) return state("failing", "bad");
  const isRemembered = shownSources.some(({ fromDisk }) => fromDisk);
  return lastSuccessMs === undefined && isRemembered ? state("waiting", "idle") : state("well", "good");
}

/** What is wrong, and what is scraped meanwhile: lines across the whole table. */
function remarks({ targets, lastError, lastErrorMs, shownSources }: DiscoveryStatus, nowMs: number): readonly Html[] {
  const failing = shownSources.filter((source) => source.lastError !== undefined);
  const isOfSource = failing.some((source) => source.lastError === lastError);
  const when = { nowMs, keeps: targets > 0 };
  const errors = [
    ...(lastError === undefined || isOfSource ? [] : [errorRow(lastError, { ...when, atMs: lastErrorMs })]),
    ...failing
      .slice(0, shownErrors)
      .map((source) => errorRow(source.lastError ?? "", { ...when, atMs: source.lastErrorMs })),
  ];
  const remembered = shownSources.filter((source) => source.fromDisk && source.targets > 0);
  const remarkable = shownSources.filter((source) => source.remark !== undefined).slice(0, shownErrors);
  return [
    ...errors,
    ...remarkable.map(remarkRow),
    ...(remembered.length > 0 ? [rememberedRow(remembered, nowMs)] : []),
  ];
}

/** An answer that may be a mistake of who asks. */
function remarkRow({ name, remark = "" }: DiscoverySourceStatus): Html {
  return html`<tr class="note"><td colspan="5">${outsideText(`${name}: ${remark}`, 600)}.</td></tr>`;
}

function errorRow(
  message: string,
  { atMs, nowMs, keeps }: { readonly atMs: number | undefined; readonly nowMs: number; readonly keeps: boolean },
): Html {
  return html`<tr class="error"><td colspan="5">${outsideText(message, 600)}
<span class="hint">${atMs === undefined ? "" : html`${ago(atMs, nowMs)}. `}${keeps ? "The last good targets stay." : ""}</span></td></tr>`;
}

/** Of one that relabels. */
function leftOutRow({ dropped = 0, skipped = 0 }: DiscoveryStatus): Html {
  if (dropped + skipped === 0) return html``;
  const parts = [
    dropped > 0 && `${grouped(dropped)} dropped by its rules`,
    skipped > 0 && `${grouped(skipped)} skipped`,
  ];
  return html`<tr class="note"><td colspan="5">${parts.filter(Boolean).join(", ")}.</td></tr>`;
}

/** What was found and is no target: `2 no address, 65,435 too many ports`. */
function skippedRow({ skippedObjects = {} }: DiscoveryStatus): Html {
  const parts = Object.entries(skippedObjects).map(
    ([reason, count]) => `${grouped(count)} ${reason.replaceAll("_", " ")}`,
  );
  if (parts.length === 0) return html``;
  return html`<tr class="note"><td colspan="5">Found, but no target: ${parts.join(", ")}.</td></tr>`;
}

function rememberedRow(sources: readonly DiscoverySourceStatus[], nowMs: number): Html {
  const targets = sources.reduce((sum, source) => sum + source.targets, 0);
  const oldestMs = Math.min(...sources.map(({ foundMs }) => foundMs ?? nowMs));
  return html`<tr class="note"><td colspan="5">${counted(targets, "target")} of the last run, found ${ago(oldestMs, nowMs)},
until they are discovered again.</td></tr>`;
}
