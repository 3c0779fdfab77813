import type { Labels } from "./labels.ts";

/**
 * A process to scrape, as configured or discovered: its labels. `__address__` is its host and port; other names that start
 * with two underscores steer the scrape and are not sent.
 */
export type Target = Labels;

/** A list of targets that may change: what a `discovery.*` component exports. */
export interface TargetSource {
  /** The targets now. The array is replaced, never changed. */
  current(): readonly Target[];
  /** False while it is empty because nobody has looked yet; absent where that is never so, or not known. */
  readonly hasAnswered?: boolean;
  /** Calls `listener` after every change until the returned function is called. */
  subscribe(listener: () => void): () => void;
}

/** What one relabel rule did to a target. */
export interface RelabelStep {
  /** Where the rule stands: `rule[0]` as in the configuration's paths, or `preset`. */
  readonly name: string;
  /** The rule in words: `keep where job matches "shop"`. */
  readonly rule: string;
  readonly action: string;
  readonly before: Target;
  /** Absent where the rule dropped the target. */
  readonly after?: Target;
  /** The values of the labels that it looks at, joined, without passwords; absent where it looks at names. */
  readonly input?: string;
  /** Whether they match what it asks for; absent where it asks for nothing. */
  readonly matched?: boolean;
  /** Why it kept or dropped the target, or left it as it is. */
  readonly because?: string;
}
