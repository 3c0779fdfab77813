import { html } from "hono/html";
import { compareText, formatSize } from "../../base/index.ts";
import type { ComponentSnapshot } from "../../component/index.ts";
import { labelValue, type StoredProfile } from "../../model/index.ts";
import type { OwnedStore } from "../profile-routes.ts";
import { ago, grouped, took } from "./format.ts";
import { cell, type Html, namedCell, outsideText } from "./html.ts";
import type { View } from "./view.ts";

/** How many stored profiles and series the page lists. */
const usualRows = 50;
/** Lists up to this length are shown unfolded. */
const unfolded = 12;
/** What a merge command of the page covers. */
const mergedMinutes = 5;

/** What the components of this agent keep on the box, newest first. */
export interface Stored {
  readonly stores: readonly OwnedStore[];
  readonly profiles: readonly OwnedProfile[];
  readonly bytes: number;
}

export interface OwnedProfile {
  readonly component: string;
  readonly profile: StoredProfile;
}

export function storedProfiles(stores: readonly OwnedStore[]): Stored {
  const profiles = stores
    .flatMap(({ component, store }) => store.list({}).map((profile) => ({ component, profile })))
    .sort((a, b) => b.profile.scrapedAtMs - a.profile.scrapedAtMs);
  return { stores, profiles, bytes: profiles.reduce((sum, { profile }) => sum + profile.bytes, 0) };
}

/** Profiles kept here: a command per service and type, and the newest ones to download. */
export function profilesSection(stored: Stored, components: readonly ComponentSnapshot[], view: View): Html {
  if (components.length === 0) return html``;
  return html`<section id="profiles">
<h2>Stored profiles</h2>
${stored.profiles.length === 0 ? nothingStored(stored) : html`${series(stored, view)}${newest(stored, view)}`}
</section>`;
}

function nothingStored({ stores }: Stored): Html {
  return stores.length > 0
    ? html`<p class="empty"><strong>None yet.</strong> The first ones come within one scrape interval of the targets that are up.</p>`
    : html`<p class="empty"><strong>None are kept on this box.</strong> To look at profiles here, add a table
<code>[pyroscope.store.local]</code> and <code>"pyroscope.store.local"</code> to <code>forward_to</code>.</p>`;
}

/** One row per service and type, with the command that opens the last minutes of it. */
function series(stored: Stored, view: View): Html {
  const groups = Map.groupBy(stored.profiles, seriesKey);
  const rows = [...groups].sort(([a], [b]) => compareText(a, b)).map(([, group]) => group);
  return html`<details class="card"${rows.length <= unfolded ? html` open` : ""}>
<summary><strong>By service and type</strong> <span class="hint">${listedOf(rows.length)} series; the command opens the last
${mergedMinutes} minutes, with <code>-http=:</code> as a flame graph</span></summary>
<table class="commands">
<thead><tr><th>Service</th><th>Type</th><th>Kept</th><th>Newest</th><th>Command</th></tr></thead>
<tbody>${rows.slice(0, usualRows).map((group) => seriesRow(group, stored, view))}</tbody>
</table></details>`;
}

function seriesRow(group: readonly OwnedProfile[], stored: Stored, { nowMs, origin }: View): Html {
  const first = group[0] as OwnedProfile;
  const query = new URLSearchParams({ type: typeOf(first) });
  if (serviceOf(first) !== "") query.append("label", `service_name=${serviceOf(first)}`);
  if (stored.stores.length > 1) query.append("component", first.component);
  query.append("from", `now-${mergedMinutes}m`);
  return html`<tr>${cell(outsideText(serviceOf(first) || "–", 40))}${cell(outsideText(typeOf(first)))}
${namedCell("kept", grouped(group.length))}${namedCell("newest", ago(first.profile.scrapedAtMs, nowMs))}
<td class="wide">${command(origin, `/api/v0/profiles/merge?${query.toString().replaceAll("%3D", "=")}`)}</td></tr>`;
}

function newest({ profiles, bytes }: Stored, { nowMs }: View): Html {
  const shown = profiles.slice(0, usualRows);
  return html`<details class="card"${profiles.length <= unfolded ? html` open` : ""}>
<summary><strong>Newest</strong> <span class="hint">${listedOf(profiles.length)} profiles, ${formatSize(bytes)} in all</span></summary>
<table>
<thead><tr><th>Scraped</th><th>Service</th><th>Type</th><th>Instance</th><th>Covers</th><th>Samples</th><th>Size</th><th></th></tr></thead>
<tbody>${shown.map((owned) => profileRow(owned, nowMs))}</tbody>
</table></details>`;
}

function profileRow(owned: OwnedProfile, nowMs: number): Html {
  const { id, labels, info, scrapedAtMs, bytes } = owned.profile;
  return html`<tr>${cell(ago(scrapedAtMs, nowMs))}${cell(outsideText(serviceOf(owned) || "–"))}
${cell(outsideText(typeOf(owned)))}${cell(outsideText(labelValue(labels, "instance") || "–"))}
${namedCell("covers", info.durationMs > 0 ? took(info.durationMs) : "–")}${namedCell("samples", grouped(info.samples))}
${cell(formatSize(bytes))}${cell(html`<a href="/api/v0/profiles/${encodeURIComponent(id)}">Download</a>`)}</tr>`;
}

/** `12`, or `50 of 1 234` */
function listedOf(count: number): string {
  return count > usualRows ? `${grouped(usualRows)} of ${grouped(count)}` : grouped(count);
}

/**
 * A command to copy. Double quotes hold in every shell, because nothing that they leave alive can be in it: URLSearchParams
 * encodes $, !, backslash and back-tick, and a host with other characters than a host's is not repeated.
 */
function command(origin: string, path: string): Html {
  const host = /^https?:\/\/[A-Za-z0-9.:[\]-]+$/.test(origin) ? origin : "http://127.0.0.1:12345";
  return html`<code class="command">go tool pprof "${host}${path}"</code>`;
}

function seriesKey(owned: OwnedProfile): string {
  return JSON.stringify([serviceOf(owned), typeOf(owned), owned.component]);
}

function serviceOf({ profile }: OwnedProfile): string {
  return labelValue(profile.labels, "service_name");
}

function typeOf({ profile }: OwnedProfile): string {
  return labelValue(profile.labels, "__name__");
}
