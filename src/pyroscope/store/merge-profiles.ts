import { setImmediate } from "node:timers/promises";
import { AgentError, formatSize } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { storeLimits } from "./limits.ts";

/**
 * One gzipped profile of all of them, which are at least one. Rejects with AgentError `mixed_types` where they do not have the same
 * sample types, and `merge_too_large` above `storeLimits.mergeBytes`. Loads the pprof room at the first call.
 */
export async function mergeProfiles(profiles: readonly Profile[]): Promise<Uint8Array> {
  requireMergeable(profiles);
  const { compress, decodeBody, merge } = await import("../../pprof/index.ts");
  let merged: Uint8Array[] = [];
  let portionBytes = 0;
  for (const { data } of profiles) {
    const { raw } = decodeBody(data, storeLimits.mergeBytes);
    merged.push(raw);
    portionBytes += raw.byteLength;
    if (portionBytes < storeLimits.mergePortionBytes) continue;
    merged = [merge(merged)];
    portionBytes = 0;
    await setImmediate();
  }
  return compress(merge(merged));
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
