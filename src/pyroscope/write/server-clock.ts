import { type Clock, formatSpan, limits } from "../../base/index.ts";
import type { HttpResponse } from "../../http/index.ts";
import type { Logger } from "../../observability/index.ts";
import { writeLimits } from "./limits.ts";

/**
 * What time it is at a server, as its answers tell (`Date`; RFC 9110, 6.6.1). Kept beside the machine's uptime, so that the box may
 * sleep meanwhile, which changes nothing, and its clock be set: then the difference is another at once.
 */
export interface ServerClock {
  /** Reads the time off an answer; says once that the two clocks differ, and once that they agree again. */
  note(response: HttpResponse): void;
  /** The server's clock minus the box's in milliseconds, to the second; `undefined` before the first answer that told the time. */
  skewMs(): number | undefined;
  /** Its answers tell a wrong time, as a proxy does that has a wrong clock: they tell none until the two clocks agree. Says so once. */
  distrust(): void;
}

export function createServerClock({ clock, log }: { readonly clock: Clock; readonly log: Logger }): ServerClock {
  /** Of the last answers: the server's time less the machine's uptime. */
  let offsets: readonly number[] = [];
  let differed = false;
  let distrusted = false;

  const measuredMs = (): number | undefined => {
    // Not the last one: an answer may have been long on its way.
    const offsetMs = offsets.toSorted((a, b) => a - b)[offsets.length >> 1];
    return offsetMs === undefined ? undefined : wholeSeconds(offsetMs + clock.uptime() - clock.now());
  };

  const tell = (aheadMs: number): void => {
    const differs = Math.abs(aheadMs) > limits.clockToleranceMs;
    if (differs === differed) return;
    differed = differs;
    if (!differs) distrusted = false;
    if (!differs) return log.info("The clocks of the server and of this box agree again");
    log.warn(
      "The clocks of the server and of this box differ: profiles are sent with the time by the server's clock; set the clock that is wrong, for servers refuse what is older than 1h or more than 10m ahead",
      {
        this_box: `${formatSpan(Math.abs(aheadMs))} ${aheadMs > 0 ? "behind" : "ahead"}`,
        box_time: new Date(clock.now()),
        server_time: new Date(clock.now() + aheadMs),
      },
    );
  };

  return {
    skewMs: () => (distrusted ? undefined : measuredMs()),
    distrust() {
      if (distrusted || !differed) return;
      distrusted = true;
      log.warn(
        "The time that the server's answers tell is wrong, for it takes profiles with the time by this box's clock: they are sent with that; look for a proxy in between whose clock is wrong",
        { box_time: new Date(clock.now()), told_time: new Date(clock.now() + (measuredMs() ?? 0)) },
      );
    },
    note({ headers }) {
      const dateMs = Date.parse(headers["date"] ?? "");
      if (Number.isNaN(dateMs)) return;
      // It names the second that has begun: on average it is half over.
      offsets = [...offsets, dateMs + 500 - clock.uptime()].slice(-writeLimits.clockAnswers);
      tell(measuredMs() ?? 0);
    },
  };
}

function wholeSeconds(ms: number): number {
  // Rounding gives a negative zero, too.
  return Math.round(ms / 1000) * 1000 || 0;
}
