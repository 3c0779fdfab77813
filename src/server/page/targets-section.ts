import { html } from "hono/html";
import { formatDuration, withoutUserinfo } from "../../base/index.ts";
import type { ComponentSnapshot } from "../../component/index.ts";
import { formatLabels, type TargetStatus } from "../../model/index.ts";
import { ago, counted, grouped, isNotable, skew, took, until } from "./format.ts";
import { cell, type Html, namedCell, outsideText, state, toneOf } from "./html.ts";
import { isFailing, type TargetGroup } from "../target-groups.ts";
import { linkTo, type View } from "./view.ts";

/** Rows shown unless the reader asks for all: what a phone lays out at once. */
const usualRows = 500;
/** Up to so many targets are shown unfolded; among more, only those with failures are, and not all of a great many. */
const unfolded = { targets: 3, failing: 20 } as const;

const example = `[pyroscope.scrape.local]
targets = [{ __address__ = "localhost:6060", service_name = "my-service" }]
forward_to = ["pyroscope.store.local"]

[pyroscope.store.local]`;

/** What is scraped, grouped by process; failures first. */
export function targetsSection(
  groups: readonly TargetGroup[],
  components: readonly ComponentSnapshot[],
  view: View,
): Html {
  const shown = shownGroups(groups, view);
  return html`<section id="targets">
<h2>Targets</h2>
${groups.length === 0 ? nothingToScrape(components) : filters(groups, view)}
${shown.map((group, index) => targetGroup(group, { view, open: isOpen(group, index) || groups.length <= unfolded.targets }))}
${shown.length < groups.length && view.choices.targets === "some" ? showAll(groups, shown, view) : ""}
</section>`;
}

function isOpen({ down }: TargetGroup, index: number): boolean {
  return down > 0 && index < unfolded.failing;
}

function shownGroups(groups: readonly TargetGroup[], { choices }: View): readonly TargetGroup[] {
  if (choices.targets === "all") return groups;
  if (choices.targets === "down") return groups.filter(({ down }) => down > 0);
  let rows = 0;
  return groups.filter((group, index) => {
    rows += group.targets.length;
    return index === 0 || rows <= usualRows;
  });
}

function nothingToScrape(components: readonly ComponentSnapshot[]): Html {
  const shared = components.reduce((sum, { debugInfo }) => sum + (debugInfo.share?.knownTargets ?? 0), 0);
  if (shared > 0)
    return html`<p class="empty"><strong>No targets of its own.</strong> ${counted(shared, "target")} are known here and shared in the
<a href="#cluster">cluster</a>, and none is this agent's now.</p>`;
  const left = leftOut(components);
  if (left !== "") return html`<p class="empty"><strong>No targets left.</strong> ${outsideText(left, 600)}</p>`;
  const scrape = components.find(({ kind }) => kind.endsWith(".scrape"));
  return scrape
    ? html`<p class="empty"><strong>No targets yet.</strong> Nothing is listed in <code>targets</code> of
${outsideText(scrape.id)}, or its discovery has found nothing so far.</p>`
    : html`<div class="empty"><p><strong>Nothing is scraped.</strong> Start with
<code>agent --target http://localhost:6060</code>, or add tables like these to the configuration:</p>
<pre>${example}</pre></div>`;
}

/** What became of the targets that are found, where none is scraped. */
function leftOut(components: readonly ComponentSnapshot[]): string {
  return components
    .flatMap(({ id, debugInfo: { discovery, droppedTargets = discovery?.dropped ?? 0, skippedTargets } }) => {
      const all = droppedTargets + (skippedTargets?.count ?? 0) + (discovery?.targets ?? 0) + (discovery?.skipped ?? 0);
      const why =
        skippedTargets && `${skippedTargets.count} of ${counted(all, "target")} skipped: ${skippedTargets.message}.`;
      const dropped = `Rules of ${id} drop ${grouped(droppedTargets)} of ${counted(all, "target")}.`;
      return [droppedTargets > 0 && dropped, why && `${id}: ${why}`];
    })
    .filter(Boolean)
    .join(" ");
}

function filters(groups: readonly TargetGroup[], view: View): Html {
  const failing = groups.filter(({ down }) => down > 0).length;
  const { targets } = view.choices;
  if (targets === "down")
    return html`<p class="hint">${failing === 0 ? "None has failures." : "Only those with failures."}
<a href="${linkTo(view, { targets: "some" })}#targets">Show the others too</a></p>`;
  if (failing === 0 || failing === groups.length) return html``;
  return html`<p class="hint"><a href="${linkTo(view, { targets: "down" })}#targets">Only the ${grouped(failing)} with failures</a></p>`;
}

function showAll(groups: readonly TargetGroup[], shown: readonly TargetGroup[], view: View): Html {
  return html`<p class="hint">${grouped(shown.length)} of ${counted(groups.length, "target")}, those with failures first.
<a href="${linkTo(view, { targets: "all" })}#targets">Show all</a></p>`;
}

function targetGroup(group: TargetGroup, { view, open }: { view: View; open: boolean }): Html {
  const { targets, service, address } = group;
  const labels = (targets[0]?.labels ?? []).filter(({ name }) => !name.startsWith("__"));
  return html`<details class="card"${open ? html` open` : ""}>
<summary>${groupState(group)} <strong>${outsideText(service || address)}</strong>
<span class="address">${outsideText(address)}</span> <span class="hint">${lastScrape(group, view)}</span></summary>
${failures(group, view)}${withheld(group)}${clockNote(group)}
<table class="even">
<thead><tr><th>Type</th><th>State</th><th>Last scrape</th><th>Took</th><th>Next</th></tr></thead>
<tbody>${targets.map((target) => targetRow(target, view))}</tbody>
</table>
<p class="hint">${outsideText(group.component)}, every ${formatDuration(targets[0]?.intervalMs ?? 0)}:
<code>${outsideText(formatLabels(labels), 1000)}</code></p>
</details>`;
}

/** What went wrong, once for all types that it went wrong for. */
function failures({ targets }: TargetGroup, view: View): readonly Html[] {
  const failed = targets.filter(({ lastError }) => lastError !== undefined);
  return [...Map.groupBy(failed, ({ lastError = "" }) => lastError)].map(([error, alike]) => {
    const types = alike.length === targets.length ? "All types" : alike.map(({ type }) => type).join(", ");
    return failure({ error, types, alike }, view);
  });
}

function failure(
  { error, types, alike }: { error: string; types: string; alike: readonly TargetStatus[] },
  { nowMs }: View,
): Html {
  const reason = alike[0]?.lastErrorReason;
  const successMs = Math.max(...alike.map(({ lastSuccessMs }) => lastSuccessMs ?? 0));
  return html`<p class="error"><strong>${outsideText(types)}</strong>
${reason === undefined ? "" : html`<code>${outsideText(reason)}</code>`} ${outsideText(error, 600)}
<span class="hint">${successMs > 0 ? html`last success ${ago(successMs, nowMs)}` : "never succeeded"}</span></p>`;
}

/** Why values are missing from profiles of targets that are up. */
function withheld({ targets }: TargetGroup): readonly Html[] {
  return targets
    .filter(({ deltaWithheld }) => deltaWithheld !== undefined)
    .map(
      ({ type, deltaWithheld = "" }) =>
        html`<p class="note"><strong>${outsideText(type)}</strong> ${outsideText(deltaWithheld, 600)}</p>`,
    );
}

/** One process has one clock. */
function clockNote({ targets }: TargetGroup): Html {
  const skewMs = targets.find(({ clockSkewMs = 0 }) => isNotable(clockSkewMs))?.clockSkewMs;
  return skewMs === undefined
    ? html``
    : html`<p class="note">The target's clock is ${skew(skewMs)} this machine's.</p>`;
}

function groupState({ targets, down, waiting }: TargetGroup): Html {
  if (down > 0) return state(down === targets.length ? "down" : `${down} of ${targets.length} down`, "bad");
  return waiting > 0
    ? state(waiting === targets.length ? "waiting" : `${waiting} waiting`, "idle")
    : state("up", "good");
}

function lastScrape({ targets }: TargetGroup, { nowMs }: View): Html {
  const lastMs = Math.max(...targets.map(({ lastScrapeMs }) => lastScrapeMs ?? 0));
  const types = counted(targets.length, "type");
  return lastMs > 0 ? html`${types}, ${ago(lastMs, nowMs)}` : html`${types}`;
}

function targetRow(target: TargetStatus, { nowMs }: View): Html {
  const { lastScrapeMs, lastScrapeDurationMs } = target;
  const health = isFailing(target) ? "down" : target.health;
  const url = withoutUserinfo(target.url);
  const type = outsideText(target.type);
  // A scheme comes from labels too, and a link may run what it names.
  const link = /^https?:/.test(url) ? html`<a href="${url}" rel="noreferrer" title="${url}">${type}</a>` : type;
  return html`<tr>${cell(link)}${cell(state(health === "unknown" ? "waiting" : health, toneOf[health]))}
${namedCell("scraped", lastScrapeMs === undefined ? "not yet" : ago(lastScrapeMs, nowMs))}
${namedCell("took", lastScrapeDurationMs === undefined ? "–" : took(lastScrapeDurationMs))}
${namedCell("next", until(target.nextScrapeMs, nowMs))}</tr>`;
}
