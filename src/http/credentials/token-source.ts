import { AgentError, backoffDelayMs, type Clock, errorMessage, limits } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";

/** What a token server gave. */
export interface Token {
  /** The value of the header `Authorization`. */
  readonly header: string;
  /** From when it was asked for; `undefined` where it never expires. */
  readonly lifetimeMs: number | undefined;
}

/** One token, shared by all requests of a client and fetched by one at a time. */
export interface TokenSource {
  /** A token that has not expired. Waits for a new one only where there is none; rejects with what fetching rejected with. */
  current(): Promise<string>;
  /**
   * Told that a server turned this token away: fetches another, seldom enough that a server which turns every token away does
   * not keep the token server busy. Resolves with whether there is another one now; rejects with an HttpError, reason
   * `credentials`, where none can be had. The token stays in use even so, because other servers may take it.
   */
  refused(header: string): Promise<boolean>;
}

export interface TokenSourceOptions {
  readonly clock: Clock;
  readonly log: Logger;
}

interface Held {
  readonly header: string;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

interface Failure {
  readonly error: unknown;
  readonly inARow: number;
  /** Until when the token server is left alone. */
  readonly untilMs: number;
}

/** A source with no token yet. After a failure, callers get the same error until the back-off is over. */
export function createTokenSource(fetchToken: () => Promise<Token>, options: TokenSourceOptions): TokenSource {
  const { clock, log } = options;
  let held: Held | undefined;
  let failure: Failure | undefined;
  let fetching: Promise<string> | undefined;
  let nextForcedMs = 0;

  const fetchNow = async (): Promise<string> => {
    const askedMs = clock.monotonic();
    try {
      held = heldFrom(await fetchToken(), askedMs);
      failure = undefined;
      return held.header;
    } catch (error) {
      const inARow = (failure?.inARow ?? 0) + 1;
      failure = { error, inARow, untilMs: clock.monotonic() + backoffDelayMs(inARow, limits.tokenBackoff) };
      throw error;
    }
  };
  const isBackingOff = (): boolean => failure !== undefined && clock.monotonic() < failure.untilMs;
  const renew = (): Promise<string> => {
    fetching ??= fetchNow().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
  /** Renews where nobody waits for it, so that a failure has to be told here. */
  const renewAside = (): void => {
    if (fetching || isBackingOff()) return;
    renew().catch((err: unknown) => {
      if (failure?.inARow === 1) log.warn("Cannot renew an access token; the one at hand stays in use", { err });
    });
  };

  return {
    async current() {
      const nowMs = clock.monotonic();
      if (!held || nowMs >= held.expiresAtMs) {
        if (failure && isBackingOff()) throw failure.error;
        return renew();
      }
      if (nowMs >= held.renewAtMs) renewAside();
      return held.header;
    },
    async refused(header) {
      // Another request has come with the same news before, or the token has been renewed meanwhile.
      if (held?.header !== header) return true;
      const nowMs = clock.monotonic();
      if (!fetching && !isBackingOff() && nowMs >= nextForcedMs) {
        nextForcedMs = nowMs + limits.refusedTokenMs;
        renewAside();
      }
      await fetching?.catch(() => undefined);
      if (held.header !== header) return true;
      if (failure) throw irreplaceable(failure.error);
      return false;
    },
  };
}

function irreplaceable(cause: unknown): AgentError<"credentials"> {
  const message = `The server does not accept the access token, and no other can be had: ${errorMessage(cause)}`;
  return new AgentError("credentials", message, { cause });
}

function heldFrom({ header, lifetimeMs }: Token, askedMs: number): Held {
  if (lifetimeMs === undefined) return { header, renewAtMs: Infinity, expiresAtMs: Infinity };
  // A tenth of the lifetime early, within 10 s and 60 s; a token too short-lived for that, at half its time.
  const earlyMs = Math.min(Math.max(lifetimeMs / 10, 10_000), 60_000, lifetimeMs / 2);
  const expiresAtMs = askedMs + lifetimeMs;
  return { header, renewAtMs: expiresAtMs - earlyMs, expiresAtMs };
}
