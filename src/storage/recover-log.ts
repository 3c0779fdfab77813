import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { preview } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import { type Recovered, recoverSegment } from "./recover-segment.ts";
import type { Segment } from "./segment.ts";
import { journalPath, logPath, removeSegment, setAside, unlinkIfThere } from "./segment-files.ts";
import type { SpoolMetrics } from "./spool-metrics.ts";
import { isMissing } from "./storage-error.ts";

export interface RecoverLogOptions {
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
  readonly maxBytes: number;
}

export interface RecoveredLog {
  /** Oldest first; those with nothing in them that anybody wants are still to be deleted. */
  readonly segments: readonly Segment[];
  /** Above every number that is or was in use. */
  readonly nextNumber: number;
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
  for (const first of orphans) await unlinkIfThere(journalPath(dir, { first }));
  const segments: Segment[] = [];
  let nextNumber = 1;
  for (const [index, first] of firsts.entries()) {
    const paths = { log: logPath(dir, { first }), journal: journalPath(dir, { first }) };
    const found = await recoverSegment(paths, { first, isNewest: index === firsts.length - 1 });
    nextNumber = Math.max(nextNumber, first + mayHold(found));
    const segment = await receive(found, { dir, first, ...options });
    if (segment) segments.push(segment);
  }
  return { segments, nextNumber };
}

function mayHold(found: Recovered): number {
  if (found.kind === "good") return found.segment.slots.length;
  return found.kind === "newer" ? found.mayHold : 1;
}

type Place = RecoverLogOptions & { readonly dir: string; readonly first: number };

/** What becomes of a segment that was found; it is given back where it belongs into the index. */
async function receive(found: Recovered, place: Place): Promise<Segment | undefined> {
  if (found.kind === "good") {
    await report(found, place);
    return found.segment;
  }
  const { dir, first, log, metrics } = place;
  const path = logPath(dir, { first });
  if (found.kind === "newer") {
    log.warn("A segment was written by a later version of the agent and is left alone; run that version to send it", {
      path,
      format: found.version,
    });
  } else if (found.kind === "empty") {
    metrics.tornTail();
    await removeSegment(dir, { first });
  } else {
    metrics.lost("spool_damaged", 1);
    log.warn("A segment of a log cannot be read, and was set aside", { path: await aside(path, place) });
  }
  return undefined;
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
    });
  }
  if (found.badJournal)
    log.warn("The journal of a segment is damaged and was set aside; what it says was sent is sent again", {
      path: await aside(journalPath(dir, { first }), place),
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
