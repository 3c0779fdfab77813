import { readlink } from "node:fs/promises";
import { formatSize, limits, preview } from "../base/index.ts";
import type { Target } from "../model/index.ts";
import { labelBytes } from "./bounded-targets.ts";
import { DiscoveryError } from "./discovery-error.ts";
import type { Report } from "./finder.ts";
import { readTargetFile } from "./target-file.ts";

interface KnownFile {
  readonly hash: string;
  readonly targets: readonly Target[];
  /** Of their labels. */
  readonly bytes: number;
}

/** What was read of each file, so that only those that changed are parsed. */
export class KnownFiles {
  readonly #files = new Map<string, KnownFile | undefined>();

  /** Reads these files and, to see whether they are gone, those of before; reports all of them together. */
  async read(paths: readonly string[], report: Report): Promise<void> {
    const reports: (() => void)[] = [];
    const room = new Room();
    for (const path of new Set([...paths, ...this.#files.keys()])) {
      try {
        const { targets } = await this.#readOne(path, room);
        reports.push(() => report.found(path, targets));
      } catch (thrown) {
        const isMissing = thrown instanceof DiscoveryError && thrown.reason === "missing";
        const remark = isMissing ? await linkRemark(path) : undefined;
        const isGone = isMissing && remark === undefined;
        if (isGone) this.#files.delete(path);
        reports.push(() => {
          if (isGone) report.gone(path);
          else if (isMissing) report.found(path, [], remark);
          else report.failed(path, thrown);
        });
      }
    }
    for (const tell of reports) tell();
  }

  async #readOne(path: string, room: Room): Promise<KnownFile> {
    const before = this.#files.get(path);
    // Also if it cannot be read, it is one of those whose end is to be noticed.
    this.#files.set(path, undefined);
    const file = await readTargetFile(path);
    const now = before?.hash === file.hash ? before : knownFile(file.hash, await file.parse());
    room.take(path, now);
    this.#files.set(path, now);
    return now;
  }
}

/** What a link leads to that is not there. */
async function linkRemark(path: string): Promise<string | undefined> {
  const to = await readlink(path).catch(() => undefined);
  return to === undefined ? undefined : `it is a link to "${preview(to, 256)}", which is not there`;
}

function knownFile(hash: string, targets: readonly Target[]): KnownFile {
  return { hash, targets, bytes: targets.reduce((sum, target) => sum + labelBytes(target), 0) };
}

/** What all files together may hold: of a thousand of them much more could be read than is taken. */
class Room {
  #targets = 0;
  #bytes = 0;

  /** Throws a DiscoveryError where it does not fit. */
  take(path: string, { targets, bytes }: KnownFile): void {
    const { discoveredTargets, discoveryBytes } = limits;
    const cannot = `Cannot take the ${targets.length} targets of "${path}"`;
    if (this.#targets + targets.length > discoveredTargets)
      throw new DiscoveryError(
        "too_many_targets",
        `${cannot}: with those of the files before it they would be more than ${discoveredTargets}; name fewer files`,
      );
    if (this.#bytes + bytes > discoveryBytes)
      throw new DiscoveryError(
        "too_large",
        `${cannot}: with those of the files before it their labels would be more than ${formatSize(discoveryBytes)}; name fewer files`,
      );
    this.#targets += targets.length;
    this.#bytes += bytes;
  }
}
