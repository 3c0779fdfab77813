import { html } from "hono/html";
import type { ComponentSnapshot } from "../../component/index.ts";
import { cell, type Html, namedCell, outsideText, state } from "./html.ts";

/** What the configuration consists of; unhealthy ones first. */
export function componentsSection(components: readonly ComponentSnapshot[]): Html {
  if (components.length === 0) return html``;
  const ordered = [...components].sort((a, b) => Number(isHealthy(a)) - Number(isHealthy(b)));
  return html`<section id="components">
<h2>Components</h2>
<div class="card"><table>
<thead><tr><th>Component</th><th>Health</th><th>Uses</th><th>Used by</th></tr></thead>
<tbody>${ordered.map(componentRow)}</tbody>
</table></div>
</section>`;
}

function componentRow(component: ComponentSnapshot): Html {
  const { id, health, referencesTo, referencedBy } = component;
  const error = isHealthy(component)
    ? ""
    : html`<tr class="error"><td colspan="4">${outsideText(health.message, 600)}
<span class="hint">It goes on with the arguments it had.</span></td></tr>`;
  return html`<tr>${cell(componentLink(id))}
${cell(state(health.state, isHealthy(component) ? "good" : "bad"))}
${namedCell("uses", links(referencesTo))}${namedCell("used by", links(referencedBy))}</tr>${error}`;
}

function links(ids: readonly string[]): Html {
  return ids.length === 0
    ? html`–`
    : html`${ids.map((id, index) => html`${index > 0 ? ", " : ""}${componentLink(id)}`)}`;
}

function componentLink(id: string): Html {
  return html`<a href="/api/v0/components/${encodeURIComponent(id)}">${outsideText(id)}</a>`;
}

function isHealthy({ health }: ComponentSnapshot): boolean {
  return health.state === "healthy";
}
