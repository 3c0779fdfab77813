import type { Labels } from "./labels.ts";

/** A column of a profile: `alloc_space` in `bytes`. */
export interface ValueType {
  readonly type: string;
  readonly unit: string;
}

/** What a reader learns about a profile without decoding it whole. */
export interface ProfileInfo {
  readonly sampleTypes: readonly ValueType[];
  readonly samples: number;
  /** The profile's own time (`time_nanos`) in milliseconds since 1970; 0 where it has none. */
  readonly timeMs: number;
  /** The time it covers (`duration_nanos`) in milliseconds; 0 where it has none. */
  readonly durationMs: number;
  /** Size of the uncompressed profile. */
  readonly rawBytes: number;
}

/** One profile on its way from a scrape to its receivers. Never changed; a component that alters one makes a new one. */
export interface Profile {
  /** A UUID, sent as `RawSample.ID`, so that the agent's, a proxy's and the server's logs can name the same profile. */
  readonly id: string;
  /** The series: what is sent, `__name__` (the profile type) and `__delta__` included. */
  readonly labels: Labels;
  /** pprof, gzipped or not, as it is sent. */
  readonly data: Uint8Array;
  readonly info: ProfileInfo;
  /** Wall time at which the scrape that produced it began, in milliseconds since 1970. */
  readonly scrapedAtMs: number;
}
