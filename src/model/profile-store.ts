import type { Labels } from "./labels.ts";
import type { Profile, ProfileInfo } from "./profile.ts";

/** One stored profile without its bytes. */
export interface StoredProfile {
  readonly id: string;
  readonly labels: Labels;
  readonly info: ProfileInfo;
  readonly scrapedAtMs: number;
  /** Size as stored. */
  readonly bytes: number;
}

/** Which stored profiles: those of every label given, scraped in [fromMs, untilMs]. */
export interface ProfileQuery {
  readonly labels?: Labels;
  readonly fromMs?: number;
  readonly untilMs?: number;
}

/** What `pyroscope.store` lets the debug page, the API and the command line read. */
export interface ProfileStore {
  /** Newest first. */
  list(query: ProfileQuery): readonly StoredProfile[];
  get(id: string): Profile | undefined;
  /** One gzipped pprof profile of all that match; `undefined` where none does. Rejects where their types differ. */
  merge(query: ProfileQuery): Promise<Uint8Array | undefined>;
}
