import { html } from "hono/html";
import { formatSize } from "../../base/index.ts";
import type { ComponentSnapshot } from "../../component/index.ts";
import type { DamagedStatus, LeftComponentStatus, LeftEndpointStatus } from "../../model/index.ts";
import { ago, grouped, until } from "./format.ts";
import { cell, type Html, namedCell, outsideText } from "./html.ts";
import type { View } from "./view.ts";

/** What is on disk and nobody sends, and what to do for it to be sent. Left out where there is none. */
export function leftSection(
  left: readonly LeftComponentStatus[],
  components: readonly ComponentSnapshot[],
  view: View,
): Html {
  const rows = [
    ...components.flatMap((present) => ofPresent(present, view)),
    ...left.flatMap((one) => ofLeft(one, view)),
  ];
  if (rows.length === 0) return html``;
  return html`<section id="left">
<h2>On disk, and not sent</h2>
<div class="card"><table>
<thead><tr><th>Of</th><th>On disk</th><th>Kept</th><th>To have it sent</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function ofPresent(
  { id, debugInfo: { leftEndpoints = [], newerSpoolBytes = 0, damagedOnDisk: damaged } }: ComponentSnapshot,
  view: View,
) {
  return [
    ...(damaged ? [damagedRow(id, damaged, view)] : []),
    ...leftEndpoints.map((left) =>
      keptRow(html`${outsideText(left.endpoint)}<br><span class="hint">${outsideText(id)}</span>`, left, {
        view,
        toDo: "put the endpoint back into the configuration as it was",
      }),
    ),
    ...newerRows(id, newerSpoolBytes),
  ];
}

function ofLeft({ component, newerBytes = 0, ...kept }: LeftComponentStatus, view: View): readonly Html[] {
  const toDo = "put the component back into the configuration under this name";
  return [
    ...(kept.profiles > 0 ? [keptRow(outsideText(component), kept, { view, toDo })] : []),
    ...newerRows(component, newerBytes),
  ];
}

function damagedRow(component: string, { profiles, lastMs }: DamagedStatus, { nowMs }: View): Html {
  return row(outsideText(component), {
    onDisk: html`${grouped(profiles)} damaged<br><span class="hint">noticed ${ago(lastMs, nowMs)}</span>`,
    kept: html`lost`,
    toDo: "nothing can be done for these; check the disk or SD card",
  });
}

type Kept = Omit<LeftEndpointStatus, "endpoint">;

function keptRow(
  of: Html,
  kept: Kept,
  { view: { nowMs }, toDo }: { readonly view: View; readonly toDo: string },
): Html {
  const { profiles, bytes, oldestMs, keptUntilMs } = kept;
  const oldest = oldestMs === undefined ? "" : html`<br><span class="hint">oldest ${ago(oldestMs, nowMs)}</span>`;
  return row(of, {
    onDisk: html`${grouped(profiles)}, ${formatSize(bytes)}${oldest}`,
    kept:
      keptUntilMs === undefined
        ? html`until the clock of this machine is set`
        : html`goes ${until(keptUntilMs, nowMs)}`,
    toDo,
  });
}

function newerRows(component: string, bytes: number): readonly Html[] {
  if (bytes === 0) return [];
  const onDisk = html`${formatSize(bytes)}<br><span class="hint">in <code>spool/</code>${outsideText(component)}</span>`;
  const toDo = "run the later version of the agent that wrote it, before it is an hour old and servers refuse it";
  return [row(outsideText(component), { onDisk, kept: html`left alone`, toDo })];
}

function row(
  of: Html,
  { onDisk, kept, toDo }: { readonly onDisk: Html; readonly kept: Html; readonly toDo: string },
): Html {
  return html`<tr>${cell(of)}${namedCell("on disk", onDisk)}${namedCell("kept", kept)}${namedCell("to have it sent", toDo)}</tr>`;
}
