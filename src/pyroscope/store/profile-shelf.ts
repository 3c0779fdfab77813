import type { Clock } from "../../base/index.ts";
import type { Profile, ProfileQuery } from "../../model/index.ts";
import { storeLimits } from "./limits.ts";

export interface ShelfLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Why a profile is no longer kept. */
export type Eviction = "full" | "too_old";

export interface ProfileShelfOptions {
  readonly clock: Clock;
  readonly onEvicted: (reason: Eviction) => void;
}

interface Entry {
  readonly profile: Profile;
  readonly bytes: number;
  /** Monotonic. */
  readonly keptMs: number;
}

/**
 * The newest profiles, bounded by bytes and by the time since they came. What is too old is never seen again: it goes whenever
 * somebody looks, not only when something new comes.
 */
export class ProfileShelf {
  readonly #options: ProfileShelfOptions;
  /** By id; in the order they came. */
  readonly #entries = new Map<string, Entry>();
  #limits: ShelfLimits;
  #bytes = 0;

  constructor(limits: ShelfLimits, options: ProfileShelfOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  get maxBytes(): number {
    return this.#limits.maxBytes;
  }

  /** Profiles kept and the memory they occupy, now. */
  usage(): { readonly profiles: number; readonly bytes: number } {
    this.#expire();
    return { profiles: this.#entries.size, bytes: this.#bytes };
  }

  applyLimits(limits: ShelfLimits): void {
    this.#limits = limits;
    this.#expire();
    this.#makeRoom(0);
  }

  /** Keeps a profile, at the expense of the oldest ones; `false` where it is larger than all there is. */
  add(profile: Profile): boolean {
    const bytes = profile.data.byteLength + storeLimits.entryBytes;
    if (bytes > this.#limits.maxBytes) return false;
    this.#expire();
    this.#remove(profile.id);
    this.#makeRoom(bytes);
    this.#entries.set(profile.id, { profile, bytes, keptMs: this.#options.clock.monotonic() });
    this.#bytes += bytes;
    return true;
  }

  get(id: string): Profile | undefined {
    this.#expire();
    return this.#entries.get(id)?.profile;
  }

  /** The profiles that match, newest first. */
  find(query: ProfileQuery): readonly Profile[] {
    this.#expire();
    return [...this.#entries.values()]
      .map(({ profile }) => profile)
      .filter((profile) => matches(profile, query))
      .toReversed();
  }

  #expire(): void {
    const oldestMs = this.#options.clock.monotonic() - this.#limits.maxAgeMs;
    for (const [id, { keptMs }] of this.#entries) {
      if (keptMs >= oldestMs) return;
      this.#evict(id, "too_old");
    }
  }

  #makeRoom(bytes: number): void {
    for (const id of this.#entries.keys()) {
      if (this.#bytes + bytes <= this.#limits.maxBytes) return;
      this.#evict(id, "full");
    }
  }

  #evict(id: string, reason: Eviction): void {
    this.#remove(id);
    this.#options.onEvicted(reason);
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry && this.#entries.delete(id)) this.#bytes -= entry.bytes;
  }
}

function matches({ labels, scrapedAtMs }: Profile, query: ProfileQuery): boolean {
  if (query.fromMs !== undefined && scrapedAtMs < query.fromMs) return false;
  if (query.untilMs !== undefined && scrapedAtMs > query.untilMs) return false;
  const wanted = query.labels ?? [];
  return wanted.every((want) => labels.some(({ name, value }) => name === want.name && value === want.value));
}
