import type { Ledger } from "./ledger.ts";

/** What a scenario found. */
export interface Findings {
  /** One for each server. */
  readonly ledgers: readonly Ledger[];
  /** Scrapes done of due while the agent ran undisturbed; absent where it is killed all the time. */
  readonly schedule?: number;
  /** What was promised and not kept, a sentence each. */
  readonly broken: readonly string[];
  /** Figures worth a line. */
  readonly notes?: Readonly<Record<string, unknown>>;
}

export interface Length {
  readonly long: boolean;
  /** The shorter or the longer of two, by the form that runs. */
  readonly pick: <T>(short: T, long: T) => T;
}

export interface Scenario {
  readonly name: string;
  readonly promise: string;
  /** Why it cannot run here. */
  readonly skip?: () => string | undefined;
  run(length: Length): Promise<Findings>;
}
