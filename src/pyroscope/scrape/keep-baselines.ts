import { type BootClock, type Clock, limits, systemBootClock } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { DataDirectory } from "../../storage/index.ts";
import type { BaselineTable } from "./baselines.ts";
import { decodeSlots, encodeSlots, momentOf } from "./saved-baselines.ts";

const file = "baselines";

export interface KeepOptions {
  readonly storage: DataDirectory;
  readonly clock: Clock;
  /** That of the machine by default. */
  readonly boot?: BootClock;
  readonly log: Logger;
}

/**
 * Leaves the baselines to the next run: to be called when every scrape has ended. `mayMakeDirectory` is whether the data directory may
 * be made for them alone. Never rejects: without them, the first deltas after the restart are missing.
 */
export async function saveBaselines(
  baselines: BaselineTable,
  {
    storage,
    clock,
    boot = systemBootClock(),
    log,
    mayMakeDirectory,
  }: KeepOptions & { readonly mayMakeDirectory: boolean },
): Promise<void> {
  const slots = baselines.saved();
  if (slots.length === 0) return;
  const { parts, saved, left } = encodeSlots(slots, momentOf(clock, boot));
  try {
    if (!(await storage.save(file, parts, { makeDirectory: mayMakeDirectory }))) return;
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
export async function takeBaselines(
  baselines: BaselineTable,
  { storage, clock, boot = systemBootClock(), log }: KeepOptions,
): Promise<void> {
  try {
    const bytes = await storage.take(file, { maxBytes: limits.savedBaselinesBytes });
    if (!bytes) return;
    const found = decodeSlots(bytes, momentOf(clock, boot));
    if ("slots" in found)
      log.debug("Delta baselines of the last run restored", { baselines: baselines.restore(found.slots, found) });
    else log[found.isDamaged ? "warn" : "debug"]("Delta baselines of the last run not used", { why: found.unusable });
  } catch (err) {
    log.warn("Delta baselines of the last run not read: the first deltas are missing", { err });
  }
}
