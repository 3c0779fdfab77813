import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { headerBytes } from "../../src/storage/file-header.ts";
import { list, recordsOf } from "./spool-files.ts";

/** What it saw of one record on disk. */
export interface Seen {
  readonly id: string;
  /** What it occupies there, and what the profile alone does. */
  readonly sizes: readonly number[];
}

/**
 * Reads along what an agent writes to its logs, because of a record that it drops unread it can say only how large it was. Told to look
 * often enough, it sees every record: a segment lives until everything in it is settled.
 */
export class SpoolWatch {
  readonly #spool: string;
  /** In the order in which they were written. */
  readonly records: Seen[] = [];
  /** How far each segment has been read. */
  readonly #read = new Map<string, number>();

  constructor(storage: string) {
    this.#spool = join(storage, "spool");
  }

  look(): void {
    for (const component of list(this.#spool)) {
      const directory = join(this.#spool, component);
      for (const name of list(directory)) if (name.endsWith(".log")) this.#lookAt(join(directory, name));
    }
  }

  #lookAt(path: string): void {
    const file = open(path);
    if (file === undefined) return;
    try {
      const from = this.#read.get(path) ?? headerBytes;
      const { size } = fstatSync(file);
      if (size <= from) return;
      // The header and what is new.
      const bytes = Buffer.alloc(headerBytes + size - from);
      readSync(file, bytes, 0, headerBytes, 0);
      readSync(file, bytes, headerBytes, size - from, from);
      let end = headerBytes;
      for (const record of recordsOf(bytes)) {
        this.records.push({ id: record.id, sizes: [record.end - record.start, record.dataBytes] });
        end = record.end;
      }
      this.#read.set(path, from + end - headerBytes);
    } finally {
      closeSync(file);
    }
  }
}

/** `undefined` where it has just been deleted. */
function open(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
