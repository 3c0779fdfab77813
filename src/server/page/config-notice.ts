import { html } from "hono/html";
import type { ConfigStatus } from "../config-status.ts";
import type { AppOptions } from "../options.ts";
import { ago } from "./format.ts";
import { type Html, outsideText } from "./html.ts";
import type { View } from "./view.ts";

/** In the page's head: which configuration runs, and since when. */
export function configLine(config: ConfigStatus, { nowMs }: View): Html {
  const { hash, generation, loadedMs } = config;
  const times = generation === 1 ? "loaded" : html`generation ${generation}, loaded`;
  return html` · config <code>${hash.slice(0, 12)}</code>, ${times} ${ago(loadedMs, nowMs)}`;
}

/** What should not go unnoticed: a reload that failed, and settings that wait for a restart. */
export function configNotice(config: ConfigStatus, { nowMs }: View): Html {
  const { failure, needsRestart } = config;
  return html`${
    failure
      ? html`<section class="card error" id="reload"><strong>The last reload failed ${ago(failure.atMs, nowMs)}; what ran before goes on.</strong>
${failure.message.split("\n").map((line) => html`<p class="error">${outsideText(line, 600)}</p>`)}</section>`
      : ""
  }${
    needsRestart.length > 0
      ? html`<p class="card note">Changed, but in force only after a restart: ${needsRestart.map((setting, i) => html`${i > 0 ? ", " : ""}<code>${setting}</code>`)}</p>`
      : ""
  }`;
}

/** A data directory that cannot be used: nothing that waits outlives the process. */
export function storageNotice({ problem }: ReturnType<AppOptions["storage"]>): Html {
  if (!problem) return html``;
  return html`<section class="card error" id="storage"><p class="error"><strong>Nothing is kept on disk.</strong> ${outsideText(problem.message, 600)}</p></section>`;
}
