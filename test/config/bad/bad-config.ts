/** A configuration and every problem that it has, as they are shown. */
export interface BadConfig {
  /** What is reported. */
  readonly title: string;
  readonly text: string;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}
