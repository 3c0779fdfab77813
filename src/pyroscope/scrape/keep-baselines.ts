import { access } from "node:fs/promises";
import { type Clock, limits } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { DataDirectory } from "../../storage/index.ts";
import type { BaselineTable } from "./baselines.ts";
import { decodeSlots, encodeSlots } from "./saved-baselines.ts";

const file = "baselines";

export interface KeepOptions {
  readonly storage: DataDirectory;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Leaves the baselines to the next run: to be called when every scrape has ended. `mayMakeDirectory` is whether the data directory may
 * be made for them alone. Never rejects: without them, the first deltas after the restart are missing.
 */
export async function saveBaselines(
  baselines: BaselineTable,
  { storage, clock, log, mayMakeDirectory }: KeepOptions & { readonly mayMakeDirectory: boolean },
): Promise<void> {
  const slots = baselines.saved();
  if (slots.length === 0 || !(mayMakeDirectory || (await exists(storage.path)))) return;
  const { parts, saved, left } = encodeSlots(slots, clock.now());
  try {
    await storage.save(file, parts);
    log.debug("Delta baselines saved", { baselines: saved });
    if (left > 0) log.warn("Not all delta baselines saved: they are more than the file may hold", { saved, left });
  } catch (err) {
    log.warn("Delta baselines not saved: the first deltas after the restart will be missing", { err });
  }
}

/**
 * Goes on with the baselines that the last run left: to be called before the first scrape. They are used once, so that no growth is
 * ever counted twice: the file is gone from then on, also where what is in it cannot be used. Never rejects.
 */
export async function takeBaselines(baselines: BaselineTable, { storage, clock, log }: KeepOptions): Promise<void> {
  try {
    const bytes = await storage.take(file, { maxBytes: limits.savedBaselinesBytes });
    if (!bytes) return;
    const found = decodeSlots(bytes, clock.now());
    if ("slots" in found)
      log.debug("Delta baselines of the last run restored", { baselines: baselines.restore(found.slots) });
    else log[found.isDamaged ? "warn" : "debug"]("Delta baselines of the last run not used", { why: found.unusable });
  } catch (err) {
    log.warn("Delta baselines of the last run not read: the first deltas are missing", { err });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
