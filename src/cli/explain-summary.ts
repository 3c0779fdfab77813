import { escaped, formatDuration, preview } from "../base/index.ts";
import type { JudgedTarget } from "./explain-all.ts";
import { countOutcomes } from "./explain-outcome.ts";
import type { Found } from "./find-targets.ts";

export interface Explanation {
  /** What the components that find targets have found. */
  readonly found: readonly Found[];
  /** How long they had. */
  readonly timeoutMs: number;
  readonly targets: readonly JudgedTarget[];
  /** Those of them that hold the text `filter`. */
  readonly chosen: readonly JudgedTarget[];
  readonly filter: string | undefined;
  /** Components whose targets are shared by the agents of a cluster. */
  readonly shared: readonly string[];
}

/** Lines of each list: more would not be read. */
const shownLines = 20;
const messageLength = 400;

/** What was found and what becomes of it, source by source; then the same of those that were chosen. */
export function formatSummary({ found, targets, chosen, filter, timeoutMs }: Explanation): readonly string[] {
  const written = targets.filter(({ foundBy }) => foundBy === undefined);
  const blocks = [
    ...(written.length > 0 ? [[`${counted(written)} in the file`, ...outcomeLines(written)]] : []),
    ...found.map((one) => {
      const own = targets.filter(({ foundBy }) => foundBy === one.component.id);
      return [
        `${one.component.id}: ${counted(one.targets)} found`,
        ...failureLines(one, timeoutMs),
        ...skippedLines(one),
        ...outcomeLines(own),
      ];
    }),
  ];
  const isChosen = filter !== undefined && chosen.length > 0;
  const choice = [`${counted(chosen)} with "${filter}"`, ...outcomeLines(chosen)];
  return [blocks.map(formatBlock).join(""), ...(isChosen ? [formatBlock(choice)] : [])];
}

/** Why no target is explained. */
export function whyNothing({ found, targets, filter }: Explanation): string {
  if (found.length === 0)
    return "No target to explain: none is written in the file, or none holds that text; give one with --target 'LABEL=VALUE,…'\n";
  const sources = found.map(({ component }) => component.id).join(", ");
  const advice = `look at the arguments of ${sources}, and at what the agent may see there`;
  if (targets.length === 0) return `No target to explain: ${advice}\n`;
  return `No target holds "${filter}", so that it is no rule that drops it: ${advice}\n`;
}

function failureLines({ failures, isComplete }: Found, timeoutMs: number): readonly string[] {
  const late = `NO ANSWER within ${formatDuration(timeoutMs)}, or not to all that was asked; wait longer with --timeout 1m`;
  const failed = failures.map(({ source, message }) => {
    return `FAILED${source === "" ? "" : ` ${source}`}: ${preview(message, messageLength)}`;
  });
  return bounded([...(isComplete ? [] : [late]), ...failed]);
}

/** What the source has and no target is made of. */
function skippedLines({ skippedObjects }: Found): readonly string[] {
  const reasons = Object.entries(skippedObjects).map(([reason, count]) => `${count} ${reason}`);
  return reasons.length > 0 ? [`others became no target (${reasons.join(", ")})`] : [];
}

function outcomeLines(targets: readonly JudgedTarget[]): readonly string[] {
  return bounded(countOutcomes(targets.map(({ outcome }) => outcome)));
}

function bounded(lines: readonly string[]): readonly string[] {
  const more = lines.length - shownLines;
  return more > 0 ? [...lines.slice(0, shownLines), `… and ${more} more`] : lines;
}

function formatBlock(lines: readonly string[]): string {
  return `${lines.map(escaped).join("\n  ")}\n`;
}

function counted({ length }: readonly unknown[]): string {
  return length === 1 ? "1 target" : `${length} targets`;
}
