import { formatSize, formatSpan } from "../base/index.ts";
import type { LeftComponentDocument, StatusDocument } from "./status-document.ts";

type Kept = Pick<LeftComponentDocument, "profiles" | "bytes" | "oldest" | "kept_until">;

/** Lines under a title that says what to do about them. */
export interface LeftBlock {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What is on disk and nobody sends: of endpoints and components that left the configuration, and of a later version of the agent. */
export function leftBlocks(status: StatusDocument, nowMs: number): readonly LeftBlock[] {
  const { left_on_disk: endpoints = [], left_components: components } = status;
  return [
    {
      title: "Endpoints that are not in the configuration any more; put back as they were, they have these again:",
      lines: endpoints.map(
        ({ component, endpoint, ...kept }) => `  ${endpoint} (${component}): ${keptOf(kept, nowMs)}`,
      ),
    },
    {
      title:
        "Components that are not in the configuration any more; put back under their names, they have these again:",
      lines: components
        .filter(({ profiles }) => profiles > 0)
        .map((left) => `  ${left.component}: ${keptOf(left, nowMs)}`),
    },
    {
      title:
        "Written by a later version of the agent and left alone; run that version to have it sent, before it is an hour old and servers refuse it:",
      lines: newerLines(status),
    },
  ];
}

function keptOf({ oldest, kept_until: until, ...kept }: Kept, nowMs: number): string {
  const leftMs = until === undefined ? undefined : Math.max(0, Date.parse(until) - nowMs);
  return [
    onDisk(kept),
    oldest !== undefined && `oldest ${formatSpan(Math.max(0, nowMs - Date.parse(oldest)))}`,
    leftMs === undefined ? "kept until the clock of this machine is set" : `kept for another ${formatSpan(leftMs)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

function onDisk({ profiles, bytes }: { readonly profiles: number; readonly bytes: number }): string {
  return `${profiles} on disk (${formatSize(bytes)})`;
}

function newerLines({ newer_on_disk: present, left_components: left }: StatusDocument): readonly string[] {
  const ofLeft = left.flatMap(({ component, newer_bytes: bytes = 0 }) =>
    bytes > 0 ? [newerLine(component, bytes)] : [],
  );
  const ofPresent = present.map(
    ({ component, bytes }) => `${newerLine(component, bytes)}; it takes room of max_disk, and goes when that is needed`,
  );
  return [...ofPresent, ...ofLeft];
}

function newerLine(component: string, bytes: number): string {
  return `  ${component}: ${formatSize(bytes)} in spool/${component}, below storage.path`;
}
