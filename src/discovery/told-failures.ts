import { type Clock, limits } from "../base/index.ts";

interface Told {
  readonly what: string;
  readonly atMs: number;
  isOver: boolean;
}

/**
 * Which troubles are worth a line in the log: one that its source was not told of last, and of each source one in `discoveryQuietMs` at
 * most. Messages may hold what differs every time, such as the number of a request.
 */
export class ToldFailures {
  readonly #clock: Clock;
  readonly #told = new Map<string, Told>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to tell of this trouble of a source; `what` is the kind of it: `status 503`. */
  isNews(source: string, what: string): boolean {
    const told = this.#told.get(source);
    const now = this.#clock.monotonic();
    if (told?.what === what && !told.isOver) return false;
    if (told ? now - told.atMs < limits.discoveryQuietMs : !this.#hasRoom(now)) return false;
    this.#told.set(source, { what, atMs: now, isOver: false });
    return true;
  }

  /** The source is well, or gone; whether to tell of that, because somebody was told otherwise. */
  isOver(source: string): boolean {
    const told = this.#told.get(source);
    if (!told || told.isOver) return false;
    told.isOver = true;
    return true;
  }

  /** Everything is news again. */
  clear(): void {
    this.#told.clear();
  }

  /** As many as the debug information names. */
  #hasRoom(now: number): boolean {
    if (this.#told.size < limits.discoverySourcesShown) return true;
    for (const [source, { isOver, atMs }] of this.#told)
      if (isOver && now - atMs >= limits.discoveryQuietMs) this.#told.delete(source);
    return this.#told.size < limits.discoverySourcesShown;
  }
}
