/**
 * model: the nouns that components exchange. Labels, targets, profiles, the table of profile types, the receiver
 * (`Appender`), and the status records that the debug side shows.
 *
 * Constraints: data and pure functions only; components meet here and never import each other.
 */
export type { Appender } from "./appender.ts";
export {
  type ClusterMember,
  type ClusterState,
  type ClusterStatus,
  isSelf,
  type Ownership,
  type ShareStatus,
} from "./cluster.ts";
export {
  formatLabel,
  formatLabels,
  formatLabelValue,
  type Label,
  labelNamePattern,
  type Labels,
  labelsFrom,
  labelsKey,
  labelsMap,
  labelsOf,
  labelsToJson,
  labelValue,
  legalLabelName,
  withoutPasswords,
} from "./labels.ts";
export type { Profile, ProfileInfo, ValueType } from "./profile.ts";
export type { ProfileQuery, ProfileStore, StoredProfile } from "./profile-store.ts";
export { type ProfileType, profileTypeNamed, profileTypes } from "./profile-type.ts";
export {
  type DamagedStatus,
  type DiscoverySourceStatus,
  type DiscoveryStatus,
  type EndpointStatus,
  type LeftComponentStatus,
  type LeftEndpointStatus,
  type PlannedScrape,
  refusesAll,
  type SkippedStatus,
  type TargetStatus,
} from "./status.ts";
export type { RelabelStep, Target, TargetSource } from "./target.ts";
