import type { Clock } from "../../base/index.ts";
import { labelValue, type Profile } from "../../model/index.ts";
import type { LogFields, Logger } from "../../observability/index.ts";
import { writeLimits } from "./limits.ts";
import type { DropReason } from "./push-outcome.ts";

/** What was dropped. The profile itself is not at hand where it lay on disk. */
export interface Dropped {
  readonly profile: Profile | undefined;
  readonly bytes: number;
}

/** Tells of a dropped profile, with the server's words where it spoke, else with advice. */
export type DropLog = (dropped: Dropped, reason: DropReason, why: Why) => void;

interface Why {
  readonly message?: string | undefined;
  readonly advice?: string | undefined;
}

/** A drop log that warns of each reason at most every `writeLimits.warningIntervalMs`, and then says how many only level `debug` has named. */
export function createDropLog(log: Logger, clock: Clock): DropLog {
  const said = new Map<DropReason, { atMs: number; unsaid: number }>();
  return (dropped, reason, { message, advice }) => {
    const nowMs = clock.monotonic();
    const before = said.get(reason);
    if (before && nowMs - before.atMs < writeLimits.warningIntervalMs) {
      before.unsaid += 1;
      log.debug("Profile dropped likewise", { reason, ...identityOf(dropped) });
      return;
    }
    said.set(reason, { atMs: nowMs, unsaid: 0 });
    log.warn("Profile dropped", {
      reason,
      ...(message !== undefined && { err: message }),
      ...(advice !== undefined && { advice }),
      ...identityOf(dropped),
      ...(before && before.unsaid > 0 && { dropped_since_last_line: before.unsaid }),
    });
  };
}

function identityOf({ profile, bytes }: Dropped): LogFields {
  if (!profile) return { bytes };
  const { id, labels, info } = profile;
  return {
    id,
    profile_type: labelValue(labels, "__name__"),
    service_name: labelValue(labels, "service_name"),
    time: new Date(info.timeMs),
    bytes,
  };
}
