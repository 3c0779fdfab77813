import type { Drop } from "./agent-log.ts";
import type { Seen } from "./spool-watch.ts";
import type { FaultServer } from "./fault-server.ts";

/** Which profile each drop was. */
export interface Dropped {
  /** Every reason that the agent gave, by the profile's id. */
  readonly reasons: ReadonlyMap<string, readonly string[]>;
  /** Drops of records that cannot have been any profile that is missing. */
  readonly ofNobody: readonly Drop[];
}

/**
 * Tells which profiles an endpoint's drops were. Most name the profile. One of a record that was dropped unread says how large it was on
 * disk: it is the oldest of the records of just that size that has neither come nor been named.
 */
export function droppedFrom(
  drops: readonly Drop[],
  { stored, deliveries }: { readonly stored: readonly Seen[]; readonly deliveries: FaultServer["deliveries"] },
): Dropped {
  const reasons = new Map<string, string[]>();
  const note = (id: string, reason: string): void => void reasons.set(id, [...(reasons.get(id) ?? []), reason]);
  for (const { id, reason } of drops) if (id !== undefined) note(id, reason);
  const missing = stored.filter(({ id }) => !deliveries.has(id) && !reasons.has(id));
  const ofNobody: Drop[] = [];
  for (const drop of drops) {
    if (drop.id !== undefined) continue;
    const found = missing.find(({ id, sizes }) => sizes.includes(drop.bytes) && !reasons.has(id));
    if (found) note(found.id, drop.reason);
    else ofNobody.push(drop);
  }
  return { reasons, ofNobody };
}
