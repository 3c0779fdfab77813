import { setImmediate } from "node:timers/promises";
import { AgentError, formatSize } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { storeLimits } from "./limits.ts";

/** The last of the merges, of all stores: each takes seconds of the processor, and memory, so that one is carried out at a time. */
let last: Promise<unknown> = Promise.resolve();
let pending = 0;

/**
 * One gzipped profile of all of them, which are at least one. Rejects with AgentError `mixed_types` where they do not have the same
 * sample types, `merge_too_large` above `storeLimits.mergeBytes`, and `too_many_merges` where too many wait already. Loads the pprof room
 * at the first call.
 */
export async function mergeProfiles(profiles: readonly Profile[]): Promise<Uint8Array> {
  requireMergeable(profiles);
  if (pending > storeLimits.waitingMerges)
    throw new AgentError(
      "too_many_merges",
      `Cannot merge ${profiles.length} profiles: ${pending} merges are under way; ask again in a few seconds`,
    );
  pending++;
  const merged = last.then(() => mergeInTurns(profiles)).finally(() => pending--);
  last = merged.catch(() => {});
  return await merged;
}

/** The scrape loops get their turn after every step. */
async function mergeInTurns(profiles: readonly Profile[]): Promise<Uint8Array> {
  const { compress, decodeBody, mergeInSteps } = await import("../../pprof/index.ts");
  const steps = mergeInSteps(profiles.values().map(({ data }) => decodeBody(data, storeLimits.mergeBytes).raw));
  for (;;) {
    const { done, value } = steps.next();
    if (done) return compress(value);
    await setImmediate();
  }
}

function requireMergeable(profiles: readonly Profile[]): void {
  const [types, other] = new Set(profiles.map(sampleTypes));
  if (other !== undefined) {
    const problem = `they hold different values: "${types}" and "${other}"`;
    throw new AgentError(
      "mixed_types",
      `Cannot merge ${profiles.length} profiles: ${problem}; select one profile type`,
    );
  }
  const bytes = profiles.reduce((sum, { info }) => sum + info.rawBytes, 0);
  if (bytes <= storeLimits.mergeBytes) return;
  const problem = `they are ${formatSize(bytes)}, more than ${formatSize(storeLimits.mergeBytes)}`;
  throw new AgentError(
    "merge_too_large",
    `Cannot merge ${profiles.length} profiles: ${problem}; select a shorter time`,
  );
}

function sampleTypes({ info }: Profile): string {
  return info.sampleTypes.map(({ type, unit }) => `${type}/${unit}`).join(", ");
}
