import { type Clock, errorMessage, limits, type Timer } from "../base/index.ts";
import { labelsFrom, labelsToJson } from "../model/index.ts";
import type { Logger } from "../observability/index.ts";
import type { DataDirectory } from "../storage/index.ts";
import type { KeptSource } from "./source-table.ts";

export interface TargetKeeper {
  /** What the last run knew; nothing where it cannot be read. Never rejects. */
  load(): Promise<readonly KeptSource[]>;
  /** Something changed, and will be saved before long. */
  changed(): void;
  /** Saves a last time. Never rejects. */
  close(): Promise<void>;
}

export interface KeepTargetsOptions {
  readonly id: string;
  readonly storage: DataDirectory;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is to be saved. */
  readonly kept: () => readonly KeptSource[];
}

/**
 * Keeps what a component knows in the data directory, so that a box that boots without a network scrapes what it scraped before. Written
 * at most every `discoverySaveMs`, much of it less often, for the sake of SD cards; where there is nothing to keep, no file is made.
 */
export function createTargetKeeper({ id, storage, clock, log, kept }: KeepTargetsOptions): TargetKeeper {
  const file = `targets-${id}.json`;
  let hasFile = false;
  let lastBytes = 0;
  let trouble: string | undefined;
  let timer: Timer | undefined;
  let saving: Promise<void> = Promise.resolve();

  const save = async (): Promise<void> => {
    const sources = kept();
    try {
      const content = encodeKept(sources);
      lastBytes = content.byteLength;
      if (sources.length > 0) await storage.save(file, [content]);
      else if (hasFile) await storage.take(file, { maxBytes: Number.POSITIVE_INFINITY });
      hasFile = sources.length > 0;
      trouble = undefined;
    } catch (err) {
      if (errorMessage(err) !== trouble)
        log.warn("Discovered targets not saved: a restart without network has none", { err });
      trouble = errorMessage(err);
    }
  };

  const saveNow = (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    saving = saving.then(save);
    return saving;
  };

  return {
    async load() {
      try {
        const bytes = await storage.read(file, { maxBytes: 2 * limits.discoveryBytes });
        if (!bytes) return [];
        hasFile = true;
        return decodeKept(bytes);
      } catch (err) {
        log.warn("Targets of the last run not read: they are scraped once they are discovered again", { err });
        return [];
      }
    },
    changed() {
      const waitMs = Math.max(limits.discoverySaveMs, (1000 * lastBytes) / limits.discoverySaveBytesPerSecond);
      timer ??= clock.after(waitMs, () => void saveNow());
    },
    close: saveNow,
  };
}

const formatVersion = 1;

function encodeKept(sources: readonly KeptSource[]): Uint8Array {
  const shown = sources.map(({ source, foundMs, targets }) => ({
    source,
    found: new Date(foundMs).toISOString(),
    targets: targets.map(labelsToJson),
  }));
  return Buffer.from(JSON.stringify({ version: formatVersion, sources: shown }));
}

/** What the file holds, as far as it is what `encodeKept` makes. */
interface SavedFile {
  readonly version: unknown;
  readonly sources: readonly { source: unknown; found: unknown; targets: readonly Record<string, unknown>[] }[];
}

/** Throws where the file is something else. */
function decodeKept(bytes: Uint8Array): readonly KeptSource[] {
  const { version, sources } = JSON.parse(Buffer.from(bytes).toString()) as SavedFile;
  if (version !== formatVersion) throw new Error(`Its format is not ${formatVersion}`);
  return sources.map(({ source, found, targets }) => ({
    source: textOf(source),
    foundMs: Date.parse(textOf(found)) || 0,
    targets: targets.map((labels) => labelsFrom(Object.entries(labels).map(([name, value]) => [name, textOf(value)]))),
  }));
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new Error(`A text was expected, found ${typeof value}`);
  return value;
}
