import type { AgentError, Clock } from "../base/index.ts";
import type { ComponentSnapshot } from "../component/index.ts";
import type { ClusterStatus, LeftComponentStatus } from "../model/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import type { ConfigStatus, ReloadResult } from "./config-status.ts";
import type { SelfProfile } from "../selfprofile/index.ts";

/** What is running. */
export interface BuildInfo {
  /** `0.1.0` */
  readonly version: string;
  /** `bun 1.4.5` */
  readonly runtime: string;
}

/** Who sent a request. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
}

export interface AppOptions {
  /** The state of every component, computed when asked for. */
  components(): readonly ComponentSnapshot[];
  /** What is on disk of components that left the configuration. */
  leftComponents(): readonly LeftComponentStatus[];
  /** The data directory, and why nothing can be kept there now. */
  storage(): { readonly path: string; readonly problem: AgentError | undefined };
  /** The cluster as this agent sees it; `undefined` where it is in none. */
  cluster(): ClusterStatus | undefined;
  /** Whether the configuration is loaded and its components run. */
  ready(): boolean;
  /** Whether it has been told to end. */
  stopping(): boolean;
  /** The configuration in force. */
  config(): ConfigStatus;
  /** Loads the configuration anew; never rejects. */
  reload(): Promise<ReloadResult>;
  /** What a request must send to change something; `undefined` where no token is configured. Rejects where its file cannot be read. */
  token(): Promise<string | undefined>;
  readonly build: BuildInfo;
  readonly metrics: Metrics;
  readonly selfProfile: SelfProfile;
  readonly clock: Clock;
  readonly log: Logger;
}
