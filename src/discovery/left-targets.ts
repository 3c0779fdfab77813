import { type Clock, limits, sleep } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { DataDirectory } from "../storage/index.ts";
import { keptTargetsPrefix, keptTargetsSuffix } from "./keep-targets.ts";

export interface LeftTargetsOptions {
  readonly storage: DataDirectory;
  readonly clock: Clock;
  readonly log: Logger;
  /** Those that are in the configuration now. */
  readonly components: () => readonly { readonly id: string }[];
}

/**
 * Removes the kept targets of components that have left the configuration: at the start, and every `leftTargetsCheckMs` until `signal`
 * aborts, since one that leaves saves them once more as it ends. Never rejects.
 */
export async function removeLeftTargets(options: LeftTargetsOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    // The components that use the disk say what is wrong with it.
    await removeOnce(options).catch((err: unknown) => log.debug("Cannot look after kept targets", { err }));
    await sleep(clock, limits.leftTargetsCheckMs, signal).catch(() => undefined);
  }
}

async function removeOnce({ storage, log, components }: LeftTargetsOptions): Promise<void> {
  const files = (await storage.files()).filter(
    (name) => name.startsWith(keptTargetsPrefix) && name.endsWith(keptTargetsSuffix),
  );
  const present = new Set(components().map(({ id }) => `${keptTargetsPrefix}${id}${keptTargetsSuffix}`));
  for (const file of files) {
    if (present.has(file)) continue;
    await storage.remove(file);
    log.info("Removed the kept targets of a component that is not in the configuration", { file });
  }
}
