import { escaped, formatDuration, oneLine } from "../base/index.ts";
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
  /** What of the components on the way is legal but probably not meant. */
  readonly warnings: readonly string[];
}

/** Lines of each list: more would not be read. */
const shownLines = 20;
const messageLength = 600;

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
        ...bounded(one.remarks.map(({ source, message }) => `${source}: ${message}`)),
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
  if (found.length === 0 && targets.length === 0)
    return "No target to explain: none is written in the file; give one with --target 'LABEL=VALUE,…'\n";
  if (found.length === 0) return `No target to explain: none of ${counted(targets)} in the file holds "${filter}"\n`;
  const [nothing, why] =
    targets.length === 0
      ? ["No target to explain", "none was found"]
      : [`No target holds "${filter}"`, "it was not found, so no rule dropped it"];
  const silent = found.filter(({ failures, isComplete }) => failures.length > 0 || !isComplete);
  if (silent.length > 0)
    return `${nothing}: of ${idsOf(silent)} not all targets are known; see above what went wrong, and try again\n`;
  return `${nothing}: ${why}; ${skippedAdvice(found)}look at the arguments of ${idsOf(found)}, and at what the agent may see there\n`;
}

function skippedAdvice(found: readonly Found[]): string {
  const skipping = found.filter(({ skippedObjects }) => Object.keys(skippedObjects).length > 0);
  return skipping.length > 0 ? `it may be one of those of ${idsOf(skipping)} that became no target, above; else ` : "";
}

function idsOf(found: readonly Found[]): string {
  return found.map(({ component }) => component.id).join(", ");
}

function failureLines({ failures, isComplete }: Found, timeoutMs: number): readonly string[] {
  const whoElse = failures.length > 0 ? " from others that were asked" : ", or not to all that was asked";
  const late = `NO ANSWER within ${formatDuration(timeoutMs)}${whoElse}; wait longer with --timeout 1m`;
  const failed = failures.map(({ source, message }) => {
    return `FAILED${source === "" ? "" : ` ${source}`}: ${oneLine(message, messageLength)}`;
  });
  return [...bounded(failed), ...(isComplete ? [] : [late])];
}

/** What the source has and no target is made of. */
function skippedLines({ skippedObjects }: Found): readonly string[] {
  const reasons = Object.entries(skippedObjects).map(([reason, count]) => `${count} ${reason}`);
  return reasons.length > 0 ? [`others became no target (${reasons.join(", ")})`] : [];
}

function outcomeLines(targets: readonly JudgedTarget[]): readonly string[] {
  return bounded(countOutcomes(targets.map(({ outcome }) => outcome)));
}

export function bounded(lines: readonly string[]): readonly string[] {
  const more = lines.length - shownLines;
  return more > 0 ? [...lines.slice(0, shownLines), `… and ${more} more`] : lines;
}

function formatBlock(lines: readonly string[]): string {
  return `${lines.map(escaped).join("\n  ")}\n`;
}

function counted({ length }: readonly unknown[]): string {
  return length === 1 ? "1 target" : `${length} targets`;
}
