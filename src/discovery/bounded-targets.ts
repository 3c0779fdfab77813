import { formatSize, limits } from "../base/index.ts";
import type { Target } from "../model/index.ts";
import { DiscoveryError } from "./discovery-error.ts";

/**
 * The targets of one answer. Throws a DiscoveryError at the first that is above a limit, so that no more of them are made: a small answer
 * can say much, such as a long label that thousands of addresses share. `cannot` is how the message begins.
 */
export function boundedTargets(targets: Iterable<Target>, cannot: string): readonly Target[] {
  const bounded: Target[] = [];
  let bytes = 0;
  for (const target of targets) {
    bytes += labelBytes(target);
    if (bytes > limits.discoveryBytes)
      throw new DiscoveryError(
        "too_large",
        `${cannot}: the labels of the first ${bounded.length + 1} targets are more than ${formatSize(limits.discoveryBytes)}; give them fewer or shorter labels`,
      );
    if (bounded.length >= limits.discoveredTargets)
      throw new DiscoveryError("too_many_targets", `${cannot}: they are more than ${limits.discoveredTargets}`);
    bounded.push(target);
  }
  return bounded;
}

/** The text of a target's labels, as `limits.discoveryBytes` counts it: also what it shares with others. */
export function labelBytes(target: Target): number {
  let bytes = 0;
  for (const { name, value } of target) bytes += name.length + value.length;
  return bytes;
}
