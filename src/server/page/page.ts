import { html, raw } from "hono/html";
import type { Hono } from "hono/tiny";
import type { ComponentSnapshot } from "../../component/index.ts";
import type { AppOptions } from "../options.ts";
import { storesOf } from "../profile-routes.ts";
import { sharesOf } from "../cluster-routes.ts";
import { endpointsOf } from "../component-routes.ts";
import { targetsOf } from "../target-routes.ts";
import { clusterSection } from "./cluster-section.ts";
import { configLine, configNotice, storageNotice } from "./config-notice.ts";
import { componentsSection } from "./components-section.ts";
import { discoverySection } from "./discovery-section.ts";
import { endpointsSection } from "./endpoints-section.ts";
import type { Html } from "./html.ts";
import { leftSection } from "./left-section.ts";
import { profilesSection, storedProfiles } from "./profiles-section.ts";
import { icon, style, styleHash } from "./style.ts";
import { summary } from "./summary.ts";
import { groupTargets } from "../target-groups.ts";
import { targetsSection } from "./targets-section.ts";
import { choicesOf, linkTo, type View } from "./view.ts";

/** `/`: one page for people. Works without script, in a text browser, on a phone. */
export function addPage(app: Hono, options: AppOptions): void {
  app.get("/", async (c) => {
    const view: View = {
      nowMs: options.clock.now(),
      choices: choicesOf(c.req.query()),
      origin: new URL(c.req.url).origin,
    };
    c.header(
      "Content-Security-Policy",
      `default-src 'none'; style-src '${await styleHash()}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    return c.html(await page(options, options.components(), view));
  });
}

async function page(options: AppOptions, components: readonly ComponentSnapshot[], view: View): Promise<Html> {
  const groups = groupTargets(targetsOf(components));
  const endpoints = endpointsOf(components);
  const stored = storedProfiles(storesOf(components));
  const cluster = options.cluster();
  const counts = { groups, endpoints, stored, components, cluster };
  const failing = groups.filter((group) => group.down > 0).length;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${view.choices.refreshS === undefined ? "" : html`<meta http-equiv="refresh" content="${view.choices.refreshS}">`}
<title>${failing > 0 ? `(${failing} down) ` : ""}pprof-agent</title>
<link rel="icon" href="${icon}">
<style>${raw(style)}</style>
</head>
<body>
${header(options, view)}
<main>
${configNotice(options.config(), view)}
${storageNotice(options.storage())}
${summary(counts, view)}
${targetsSection(groups, components, view)}
${discoverySection(components, view)}
${endpointsSection(endpoints, components, view)}
${leftSection(options.leftComponents(), components, view)}
${clusterSection(cluster, sharesOf(components), view)}
${profilesSection(stored, components, view)}
${componentsSection(components)}
</main>
${footer()}
</body>
</html>`;
}

function header(options: AppOptions, view: View): Html {
  const { refreshS } = view.choices;
  const { build } = options;
  return html`<header>
<h1>pprof-agent</h1>
<p>${build.version} on ${build.runtime} · ${standing(options)}${configLine(options.config(), view)}
· as of <time>${new Date(view.nowMs).toISOString().slice(0, 19).replace("T", " ")} UTC</time>
· ${
    refreshS === undefined
      ? html`<a href="${linkTo(view, { refreshS: 10 })}">refresh every 10 s</a>`
      : html`refreshed every ${refreshS} s, <a href="${linkTo(view, { refreshS: undefined })}">stop</a>`
  }</p>
</header>`;
}

function standing(options: AppOptions): string {
  if (options.ready()) return "ready";
  return options.stopping() ? "stopping" : "starting";
}

function footer(): Html {
  const links = [
    ["/api/v0/status", "status"],
    ["/api/v0/targets", "targets"],
    ["/api/v0/components", "components"],
    ["/api/v0/profiles", "profiles"],
    ["/api/v0/cluster", "cluster"],
    ["/metrics", "metrics"],
    ["/debug/pprof/", "the agent's own profiles"],
    ["/-/ready", "ready"],
    ["/-/healthy", "healthy"],
  ] as const;
  return html`<footer><p>For programs: ${links.map(([href, text], i) => html`${i > 0 ? " · " : ""}<a href="${href}">${text}</a>`)}</p></footer>`;
}
