import { type Clock, formatSize } from "../../base/index.ts";
import { labelValue, type Profile } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import { storeLimits } from "./limits.ts";

/** Warns of a profile that is larger than `maxBytes`, all that the store may keep. */
export type RefusalLog = (profile: Profile, maxBytes: number) => void;

/** A refusal log that speaks at most every `storeLimits.warningIntervalMs`, and then says how many went unsaid. */
export function createRefusalLog(log: Logger, clock: Clock): RefusalLog {
  let saidMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return ({ id, labels, data }, maxBytes) => {
    const nowMs = clock.monotonic();
    if (nowMs - saidMs < storeLimits.warningIntervalMs) {
      unsaid += 1;
      return;
    }
    log.warn("Profile refused: it is larger than max_bytes, raise it", {
      reason: "larger_than_store",
      id,
      profile_type: labelValue(labels, "__name__"),
      service_name: labelValue(labels, "service_name"),
      bytes: data.byteLength,
      max_bytes: formatSize(maxBytes),
      ...(unsaid > 0 && { refused_since_last_line: unsaid }),
    });
    saidMs = nowMs;
    unsaid = 0;
  };
}
