import type { Clock } from "../base/index.ts";
import type { ComponentSnapshot } from "../component/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import type { SelfProfile } from "../selfprofile/index.ts";

/** What is running. */
export interface BuildInfo {
  /** `0.1.0` */
  readonly version: string;
  /** `bun 1.4.5` */
  readonly runtime: string;
}

export interface AppOptions {
  /** The state of every component, computed when asked for. */
  components(): readonly ComponentSnapshot[];
  /** Whether the configuration is loaded and its components run. */
  ready(): boolean;
  /** Tells one configuration from another; shown on the page. */
  configHash?(): string;
  readonly build: BuildInfo;
  readonly metrics: Metrics;
  readonly selfProfile: SelfProfile;
  readonly clock: Clock;
  readonly log: Logger;
}
