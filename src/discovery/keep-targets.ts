import { type Clock, errorMessage, limits, type Timer } from "../base/index.ts";
import { labelsFrom, labelsToJson, type Target } from "../model/index.ts";
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
 * at most every `discoverySaveMs`; where there is nothing to keep, no file is made.
 */
export function createTargetKeeper({ id, storage, clock, log, kept }: KeepTargetsOptions): TargetKeeper {
  const file = `targets-${id}.json`;
  let hasFile = false;
  let trouble: string | undefined;
  let timer: Timer | undefined;
  let saving: Promise<void> = Promise.resolve();

  const save = async (): Promise<void> => {
    const sources = kept();
    try {
      if (sources.length > 0) await storage.save(file, [encodeKept(sources)]);
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
      timer ??= clock.after(limits.discoverySaveMs, () => void saveNow());
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

interface SavedFile {
  readonly version: number;
  readonly sources: readonly { source: string; found: string; targets: readonly Record<string, string>[] }[];
}

/** Throws where it is not what `encodeKept` makes: whoever edited the file sees why it is not used. */
function decodeKept(bytes: Uint8Array): readonly KeptSource[] {
  const { version, sources } = JSON.parse(Buffer.from(bytes).toString()) as SavedFile;
  if (version !== formatVersion) throw new Error(`Its format is ${version} and not ${formatVersion}`);
  return sources.map(({ source, found, targets }) => ({
    source: String(source),
    foundMs: Date.parse(found) || 0,
    targets: targets.map(
      (labels): Target => labelsFrom(Object.entries(labels).map(([name, value]) => [name, String(value)])),
    ),
  }));
}
