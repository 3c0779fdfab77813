import type { GenericSchema } from "valibot";
import type { Clock } from "../base/index.ts";
import type {
  Appender,
  EndpointStatus,
  Labels,
  PlannedScrape,
  ProfileStore,
  TargetSource,
  TargetStatus,
} from "../model/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
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
  /** What is legal but probably not meant; a sentence each, shown by `agent check` and once in the log. */
  warnings?(id: string, args: Arguments): readonly string[];
  /** The requests it would make to its literal targets. */
  plan?(id: string, args: Arguments): readonly PlannedScrape[];
  /** Of a receiver: the labels with which it sends a profile on; absent where they stay as they are. */
  outgoingLabels?(args: Arguments, labels: Labels): Labels;
  /** Makes a component; nothing runs before `run`. */
  create(args: Arguments, context: ComponentContext): Component<Arguments>;
}

/** A running component. */
export interface Component<Arguments = unknown> {
  /** Stay the same objects for the component's life, whatever arguments are applied. */
  readonly exports: Exports;
  /** Works until `signal` aborts; resolves when everything it started has ended. Must not reject. */
  run(signal: AbortSignal): Promise<void>;
  /** Takes new arguments while running. Throws, changing nothing, where they cannot be carried out. */
  applyConfig(args: Arguments): void;
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
  readonly storagePath: string;
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
  readonly arguments: unknown;
  readonly exports: Exports;
  readonly referencesTo: readonly string[];
  readonly referencedBy: readonly string[];
  readonly debugInfo: DebugInfo;
}
