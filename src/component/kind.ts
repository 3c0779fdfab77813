import type { GenericSchema } from "valibot";
import type { Clock } from "../base/index.ts";
import type {
  Appender,
  DiscoveryStatus,
  EndpointStatus,
  Labels,
  DamagedStatus,
  LeftEndpointStatus,
  Ownership,
  PlannedScrape,
  ProfileStore,
  ShareStatus,
  SkippedStatus,
  RelabelStep,
  Target,
  TargetSource,
  TargetStatus,
} from "../model/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import type { DataDirectory } from "../storage/index.ts";
import type { ExportKind, Reference } from "./reference.ts";

/**
 * A kind of component: everything the agent must know to offer `[pyroscope.scrape.x]`. Adding a kind is adding a folder and a
 * line in the list of kinds.
 */
export interface ComponentKind<Arguments = unknown> {
  /** The table's name: `pyroscope.scrape`. */
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** Turns the table's content into arguments; carries descriptions and examples for the published schema and docs. */
  readonly schema: GenericSchema<unknown, Arguments>;
  readonly exports?: ExportKind;
  /** Loads what the schema needs to check this table, which is as it stands in the file. */
  prepare?(raw: unknown): Promise<void>;
  /**
   * What is legal but probably not meant, and files that cannot be used as they are now; a sentence each, shown by `agent check` and
   * once in the log. `written` are targets in the file that come to it through other components.
   */
  warnings?(id: string, args: Arguments, written?: readonly Target[]): readonly string[] | Promise<readonly string[]>;
  /** Whether its targets are shared between the agents of a cluster, where there is one. */
  sharesTargets?(args: Arguments): boolean;
  /** Why the targets that it finds are those of this machine alone, as the end of a sentence; undefined where they are not. */
  nodeLocal?(args: Arguments): string | undefined;
  /** The requests it would make to its literal targets, and to those that come to it from others. */
  plan?(id: string, args: Arguments, found?: readonly Target[]): readonly PlannedScrape[];
  /** Of a component that finds targets: looks once, keeping nothing. Resolves when everything has answered, or when `signal` aborts. */
  findTargets?(args: Arguments, options: FindOptions): Promise<FoundTargets>;
  /** Of a component that takes targets: what it makes of one. */
  explainTarget?(id: string, args: Arguments, target: Target): TargetExplanation;
  /** Of one that takes targets and exports them: what it exports of one, without the explanation. Throws AgentError. */
  exportedTarget?(args: Arguments, target: Target): Target | undefined;
  /** The targets that are written in its arguments. */
  literalTargets?(args: Arguments): readonly Target[];
  /**
   * Of a receiver: the labels with which it sends a profile on, or `undefined` where it drops it; absent where they stay as they are.
   */
  outgoingLabels?(args: Arguments, labels: Labels): Labels | undefined;
  /** Of a receiver: what it makes of the labels of a profile, step by step. */
  explainOutgoing?(args: Arguments, labels: Labels): OutgoingExplanation;
  /** Makes a component; nothing runs before `run`. */
  create(args: Arguments, context: ComponentContext): Component<Arguments>;
}

/** What a component makes of a target before anything is requested. */
export interface TargetExplanation {
  /** Every rule that saw the target, in order. */
  readonly steps: readonly RelabelStep[];
  /** What it exports; absent where a rule dropped the target, or where it exports none. */
  readonly target?: Target;
  /** The requests that it would make. */
  readonly scrapes?: readonly PlannedScrape[];
  /** Why it would make none although no rule dropped the target. */
  readonly problem?: string;
}

/** What a receiver makes of the labels of a profile. */
export interface OutgoingExplanation {
  /** Every rule that saw the labels, in order. */
  readonly steps: readonly RelabelStep[];
  /** Those with which it sends the profile on; absent where a rule dropped it, or where it cannot be sent. */
  readonly labels?: Labels;
  /** Why it cannot be sent. */
  readonly problem?: string;
  /** Names of the rules that see what is inside the profile, of which nothing is known here. */
  readonly insideRules: readonly string[];
}

export interface FindOptions extends Pick<ComponentContext, "id" | "log" | "clock" | "metrics" | "userAgent"> {
  readonly signal: AbortSignal;
}

/** What one look at the sources of targets came to. */
export interface FoundTargets {
  readonly targets: readonly Target[];
  /** Whether the look came to its end, with or without failures. */
  readonly isComplete: boolean;
  /** Some of the sources that failed; the source "" is the look as a whole. */
  readonly failures: readonly { readonly source: string; readonly message: string }[];
  /** Sources that answered and may be mistaken for it: "no such name". */
  readonly remarks: readonly { readonly source: string; readonly message: string }[];
  /** What was found and became no target, by reason. */
  readonly skippedObjects: Readonly<Record<string, number>>;
}

/** A running component. */
export interface Component<Arguments = unknown> {
  /** Stay the same objects for the component's life, whatever arguments are applied. */
  readonly exports: Exports;
  /** Works until `signal` aborts; resolves when everything it started has ended. Must not reject. */
  run(signal: AbortSignal): Promise<void>;
  /** Takes new arguments while running. Throws, changing nothing, where they cannot be carried out. */
  applyConfig(args: Arguments): void;
  /** A configuration took effect, whether or not it changed this component: somebody wants to see now what would be tried later. */
  tryNow?(): void;
  /** Debug information, computed when asked for. */
  snapshot(): DebugInfo;
}

export interface Exports {
  readonly receiver?: Appender;
  readonly targets?: TargetSource;
  /** Profiles kept on this box, for the page and the command line. */
  readonly profiles?: ProfileStore;
}

/** What the component reports of itself; each kind fills in what it has. */
export interface DebugInfo {
  readonly targets?: readonly TargetStatus[];
  readonly endpoints?: readonly EndpointStatus[];
  /** Endpoints that left the configuration and have profiles on disk still. */
  readonly leftEndpoints?: readonly LeftEndpointStatus[];
  /** On disk in files of a later version of the agent, which are left alone; absent where there are none. */
  readonly newerSpoolBytes?: number;
  /** Absent where there are none. */
  readonly damagedOnDisk?: DamagedStatus;
  readonly discovery?: DiscoveryStatus;
  /** Targets that rules drop, and those that something is wrong with; absent where there are none. */
  readonly droppedTargets?: number;
  readonly skippedTargets?: SkippedStatus;
  /** Where targets are shared in a cluster. */
  readonly share?: ShareStatus;
  readonly [key: string]: unknown;
}

/** What a component is given. */
export interface ComponentContext {
  /** `pyroscope.scrape.local` */
  readonly id: string;
  /** Writes with the component's id as a field. */
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** The directory of `[storage]`; created by who first writes. */
  readonly storage: DataDirectory;
  /** Whose a target is; absent where the agent is in no cluster. */
  readonly cluster?: Ownership;
  /** `pprof-agent/<version>`, for the User-Agent header. */
  readonly userAgent: string;
  /** The component's receiver; stays valid while what is behind it changes, and rejects while nothing is. */
  receiver(reference: Reference): Appender;
  /** The component's targets; likewise, and empty while nothing is behind it. */
  targets(reference: Reference): TargetSource;
}

export interface Health {
  readonly state: "healthy" | "unhealthy";
  readonly message: string;
  readonly updatedMs: number;
}

/** One component as the API shows it. Arguments are masked: secrets turn themselves into a placeholder. */
export interface ComponentSnapshot {
  readonly id: string;
  readonly kind: string;
  readonly health: Health;
  /** `false` where it has ended by an error; a reload makes it anew. */
  readonly running: boolean;
  readonly arguments: unknown;
  readonly exports: Exports;
  readonly referencesTo: readonly string[];
  readonly referencedBy: readonly string[];
  readonly debugInfo: DebugInfo;
}
