import { createHash } from "node:crypto";
import { type Clock, clockIsSetFromMs, errorMessage, limits, type Timer } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { DataDirectory } from "../storage/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { decodeKept, encodeKept, type Known } from "./kept-targets-file.ts";
import type { KeptSource } from "./source-table.ts";

export interface TargetKeeper {
  /** What the last run knew by arguments of this hash, unless it is too old; nothing where it cannot be read. Never rejects. */
  load(foundWith: string): Promise<readonly KeptSource[]>;
  /** A look succeeded: what is known is true now. */
  confirmed(): void;
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
 * at most every `discoverySaveMs`, much of it less often, and what stays the same once in `keptTargetsRenewMs`, for the sake of SD cards;
 * where there is nothing to keep, no file is made.
 */
export function createTargetKeeper({ id, storage, clock, log, kept }: KeepTargetsOptions): TargetKeeper {
  const file = `${keptTargetsPrefix}${id}${keptTargetsSuffix}`;
  let hasFile = false;
  let lastBytes = 0;
  let trouble: string | undefined;
  let confirmedMs: number | undefined;
  let savedMs = clock.monotonic();
  let timer: Timer | undefined;
  let saving: Promise<void> = Promise.resolve();

  const save = async (): Promise<void> => {
    const sources = kept();
    savedMs = clock.monotonic();
    try {
      const parts = await encodeKept({ sources, confirmedMs: confirmedMs ?? clock.now() });
      lastBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
      if (sources.length > 0) await storage.save(file, parts);
      else if (hasFile) await storage.remove(file);
      hasFile = sources.length > 0;
      trouble = undefined;
    } catch (err) {
      // Above the limit: tried again as seldom as the largest file.
      if (err instanceof DiscoveryError) lastBytes = limits.keptTargetsBytes;
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

  const saveSoon = (): void => {
    const waitMs = Math.max(limits.discoverySaveMs, (1000 * lastBytes) / limits.discoverySaveBytesPerSecond);
    timer ??= clock.after(waitMs, () => void saveNow());
  };

  return {
    async load(foundWith) {
      try {
        const bytes = await storage.read(file, { maxBytes: limits.keptTargetsBytes });
        if (!bytes) return [];
        hasFile = true;
        const known = decodeKept(bytes);
        const usable = isTooOld(known, clock) ? [] : known.sources.filter((source) => source.foundWith === foundWith);
        if (usable.length < known.sources.length)
          log.info("Targets of the last run are not used: they are old, or were found with other arguments", {
            sources: known.sources.length - usable.length,
            confirmed: new Date(known.confirmedMs),
          });
        confirmedMs = known.confirmedMs;
        return usable;
      } catch (err) {
        log.warn("Targets of the last run not read: they are scraped once they are discovered again", { err });
        return [];
      }
    },
    confirmed() {
      confirmedMs = clock.now();
      if (hasFile && clock.monotonic() - savedMs >= limits.keptTargetsRenewMs) saveSoon();
    },
    changed: saveSoon,
    close: saveNow,
  };
}

/** What the names of these files begin and end with; between them is the id of the component. */
export const keptTargetsPrefix = "targets-";
export const keptTargetsSuffix = ".json";

/** Stands for arguments: those that differ in more than a secret and how often it is looked have another one. */
export function argumentsHash(args: unknown): string {
  const text = JSON.stringify(args, (name, value: unknown) => (name === "refresh_interval" ? undefined : value));
  return createHash("sha256").update(text).digest("base64url");
}

/** What was last true so long ago may be others' addresses by now. A clock that is not set, now or then, tells nothing. */
function isTooOld({ confirmedMs }: Known, clock: Clock): boolean {
  return confirmedMs >= clockIsSetFromMs && clock.now() - confirmedMs > limits.keptTargetsAgeMs;
}
