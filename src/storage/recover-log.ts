import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage, preview } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import { type Recovered, recoverSegment } from "./recover-segment.ts";
import type { Segment } from "./segment.ts";
import { asideAdvice, journalPath, logPath, removeSegment, setAside, unlinkIfThere } from "./segment-files.ts";
import type { SpoolMetrics } from "./spool-metrics.ts";
import { isExhausted, isMissing } from "./storage-error.ts";

export interface RecoverLogOptions {
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
  readonly maxBytes: number;
}

export interface RecoveredLog {
  /** Oldest first; those with nothing in them that anybody wants are still to be deleted. */
  readonly segments: readonly Segment[];
  /** Of a later version, oldest first. */
  readonly newer: readonly NewerSegment[];
  /** Above every number that is or was in use. */
  readonly nextNumber: number;
}

/** A segment that only a later version of the agent can read. */
export interface NewerSegment {
  readonly first: number;
  readonly bytes: number;
}

/** Reads what an earlier process left in a log's directory, which need not exist. */
export async function recoverLog(dir: string, options: RecoverLogOptions): Promise<RecoveredLog> {
  const { firsts, orphans, foreign } = await listSegments(dir);
  if (foreign.length > 0)
    options.log.warn("Files in the directory of a log are not the agent's, and are left alone", {
      path: dir,
      files: foreign.length,
      first: preview(foreign[0] as string),
    });
  for (const first of orphans)
    await remove(() => unlinkIfThere(journalPath(dir, { first })), { dir, first, ...options });
  const segments: Segment[] = [];
  const newer: NewerSegment[] = [];
  let [nextNumber, closed] = [1, 0];
  for (const [index, first] of firsts.entries()) {
    const paths = { log: logPath(dir, { first }), journal: journalPath(dir, { first }) };
    const found = await recoverSegment(paths, { first, isNewest: index === firsts.length - 1 });
    nextNumber = Math.max(nextNumber, first + mayHold(found));
    await receive(found, { dir, first, ...options });
    if (found.kind === "good") segments.push(found.segment);
    else if (found.kind === "newer") newer.push({ first, bytes: found.bytes });
    else if (found.kind === "closed") closed++;
  }
  cutOverlaps(segments);
  options.metrics.closed(closed);
  return { segments, newer, nextNumber };
}

function mayHold(found: Recovered): number {
  if (found.kind === "good") return found.segment.slots.length;
  return found.kind === "newer" || found.kind === "closed" ? found.mayHold : 1;
}

/** No number stands for two records: what reaches into the next segment is what a write left behind that failed. */
function cutOverlaps(segments: readonly Segment[]): void {
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next) segment.cutAt(next.first);
  }
}

type Place = RecoverLogOptions & { readonly dir: string; readonly first: number };

/** Says what was found, and clears away what nobody can use. */
async function receive(found: Recovered, place: Place): Promise<void> {
  if (found.kind === "good") return report(found, place);
  const { dir, first, log, metrics } = place;
  const path = logPath(dir, { first });
  if (found.kind === "newer") {
    log.warn("A segment was written by a later version of the agent and is left alone; run that version to send it", {
      path,
      format: found.version,
    });
  } else if (found.kind === "closed") {
    log.warn("A segment of a log cannot be opened and is left alone; the others are used", { path, why: found.why });
  } else if (found.kind === "empty") {
    metrics.tornTail();
    await remove(() => removeSegment(dir, { first }), place);
  } else {
    metrics.lost("spool_damaged", 1);
    const to = await aside(path, place);
    log.warn("A segment of a log cannot be read, and was set aside", { path: to, why: found.why, advice: asideAdvice });
  }
}

/** Says what is wrong with a segment that can be used. */
async function report(found: Recovered & { readonly kind: "good" }, place: Place): Promise<void> {
  const { dir, first, log, metrics } = place;
  if (found.torn) metrics.tornTail();
  if (found.lostRecords > 0) {
    metrics.lost("spool_damaged", found.lostRecords);
    log.warn("Records of a log are damaged; the others of their segment are kept", {
      path: logPath(dir, { first }),
      records: found.lostRecords,
      why: found.diskFailed ? "The disk failed while it was read" : "A checksum is wrong",
    });
  }
  if (found.badJournal)
    log.warn("The journal of a segment is damaged and was set aside; what it says was sent is sent again", {
      path: await aside(journalPath(dir, { first }), place),
      advice: asideAdvice,
    });
}

/** What cannot be removed is no reason to do without the rest; it is tried again at the next start. */
async function remove(work: () => Promise<void>, { dir, first, log }: Place): Promise<void> {
  await work().catch((thrown: unknown) => {
    if (isExhausted(thrown)) throw thrown;
    log.warn("What is left of a segment cannot be removed", {
      path: logPath(dir, { first }),
      why: errorMessage(thrown),
    });
  });
}

/** Where the file is then. What cannot be moved, on a full disk for instance, is no reason to do without the rest. */
function aside(path: string, { dir, maxBytes }: Place): Promise<string> {
  return setAside(dir, path, { maxBytes }).catch(() => path);
}

interface Listing {
  readonly firsts: readonly number[];
  /** Journals without a segment: their deletion was interrupted. */
  readonly orphans: readonly number[];
  readonly foreign: readonly string[];
}

async function listSegments(dir: string): Promise<Listing> {
  const names = await readdir(dir).catch((thrown: unknown) => {
    if (isMissing(thrown)) return [];
    throw thrown;
  });
  const numbersOf = (pattern: RegExp): number[] => names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  const firsts = numbersOf(/^(\d{16})\.log$/).sort((a, b) => a - b);
  const known = new Set(firsts);
  return {
    firsts,
    orphans: numbersOf(/^(\d{16})\.settled$/).filter((first) => !known.has(first)),
    foreign: names
      .filter((name) => name !== "damaged" && !/^\d{16}\.(log|settled)$/.test(name))
      .map((name) => join(dir, name)),
  };
}
