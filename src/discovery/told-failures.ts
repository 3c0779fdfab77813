import { type Clock, limits } from "../base/index.ts";

interface Told {
  /** When each kind of failure was told last, of the last `discoveryQuietMs`. */
  readonly kinds: Map<string, number>;
  /** What the log says of the source: a kind of failure, or nothing where it is well. */
  said: string | undefined;
  /** What fails now, told or not, and since when. */
  now: { readonly what: string; readonly sinceMs: number } | undefined;
}

/**
 * Which troubles are worth a line in the log: of each source one of a kind that was not told in the last `discoveryQuietMs`, at once; and any
 * that the last line does not tell of, once it has lasted for `discoveryLastingMs`. So what the log says last is true of all that lasts, and a
 * source that comes and goes writes a line in ten minutes. Messages may hold what differs every time, such as the number of a request.
 */
export class ToldFailures {
  readonly #clock: Clock;
  readonly #told = new Map<string, Told>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to tell of this trouble of a source; `what` is the kind of it: `status 503`. */
  isNews(source: string, what: string): boolean {
    const nowMs = this.#clock.monotonic();
    const told = this.#told.get(source) ?? this.#admit(source, nowMs);
    if (!told) return false;
    if (told.now?.what !== what) told.now = { what, sinceMs: nowMs };
    if (told.said === what) return false;
    forgetOld(told, nowMs);
    const isNew = !told.kinds.has(what) && told.kinds.size < limits.discoveryKindsTold;
    if (!isNew && nowMs - told.now.sinceMs < limits.discoveryLastingMs) return false;
    told.kinds.set(what, nowMs);
    told.said = what;
    return true;
  }

  /** The source is well, or gone; whether to tell of that, because somebody was told otherwise. */
  isOver(source: string): boolean {
    const told = this.#told.get(source);
    if (!told) return false;
    told.now = undefined;
    const wasSaid = told.said !== undefined;
    told.said = undefined;
    return wasSaid;
  }

  /** Everything is news again. */
  clear(): void {
    this.#told.clear();
  }

  /** As many sources as the debug information names. */
  #admit(source: string, nowMs: number): Told | undefined {
    if (this.#told.size >= limits.discoverySourcesShown) this.#forgetWell(nowMs);
    if (this.#told.size >= limits.discoverySourcesShown) return undefined;
    const told: Told = { kinds: new Map(), said: undefined, now: undefined };
    this.#told.set(source, told);
    return told;
  }

  #forgetWell(nowMs: number): void {
    for (const [source, told] of this.#told) {
      forgetOld(told, nowMs);
      if (told.now === undefined && told.kinds.size === 0) this.#told.delete(source);
    }
  }
}

function forgetOld({ kinds }: Told, nowMs: number): void {
  for (const [what, atMs] of kinds) if (nowMs - atMs >= limits.discoveryQuietMs) kinds.delete(what);
}
