import type { Clock, Timer } from "../../base/index.ts";
import { labelValue, type Profile } from "../../model/index.ts";
import type { LogFields, Logger } from "../../observability/index.ts";
import { writeLimits } from "./limits.ts";
import type { DropReason } from "./push-outcome.ts";

/** What was dropped. The profile itself is not at hand where it lay on disk. */
export interface Dropped {
  readonly profile: Profile | undefined;
  readonly bytes: number;
}

interface Why {
  /** The server's words, where it spoke. */
  readonly message?: string | undefined;
  readonly advice?: string | undefined;
}

/** What only level `debug` has named since the last line, and when that is summed up. */
interface Likewise {
  count: number;
  bytes: number;
  timer: Timer | undefined;
}

/**
 * Tells of dropped profiles: of each reason the first at once, with the server's words or with advice. Those that follow are summed up after
 * `writeLimits.dropSumMs`, so that a burst has a total soon, and from then on every `writeLimits.warningIntervalMs`.
 */
export class DropLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #likewise = new Map<DropReason, Likewise>();
  #isClosed = false;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  dropped(dropped: Dropped, reason: DropReason, { message, advice }: Why): void {
    const likewise = this.#likewise.get(reason);
    if (likewise) {
      likewise.count += 1;
      likewise.bytes += dropped.bytes;
      this.#log.debug("Profile dropped likewise", { reason, ...identityOf(dropped) });
      return;
    }
    this.#log.warn("Profile dropped", {
      reason,
      ...(message !== undefined && { err: message }),
      ...(advice !== undefined && { advice }),
      ...identityOf(dropped),
    });
    if (!this.#isClosed) this.#sumUpAfter(writeLimits.dropSumMs, reason);
  }

  /** Says what has not been said. From then on each drop has its line. */
  close(): void {
    this.#isClosed = true;
    for (const [reason, likewise] of this.#likewise) {
      likewise.timer?.cancel();
      this.#say(reason, likewise);
    }
    this.#likewise.clear();
  }

  #sumUpAfter(delayMs: number, reason: DropReason): void {
    const likewise: Likewise = { count: 0, bytes: 0, timer: undefined };
    this.#likewise.set(reason, likewise);
    likewise.timer = this.#clock.after(delayMs, () => {
      this.#likewise.delete(reason);
      if (likewise.count === 0 && delayMs === writeLimits.warningIntervalMs) return;
      this.#say(reason, likewise);
      this.#sumUpAfter(writeLimits.warningIntervalMs, reason);
    });
  }

  #say(reason: DropReason, { count, bytes }: Likewise): void {
    if (count > 0) this.#log.warn("More profiles dropped for the same reason", { reason, profiles: count, bytes });
  }
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
