import { AgentError } from "../base/index.ts";

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The file as it was named. */
  readonly file: string;
  /** From 1 on; absent where the problem is not in the text, as with a file that cannot be read. */
  readonly line?: number;
  readonly column?: number;
  /** `pyroscope.scrape.local.targets[0].__address__`; empty where it concerns the file. */
  readonly key: string;
  /** The component it lies in, where it lies in one. */
  readonly component?: string;
  readonly message: string;
}

export type ConfigReason = "unreadable" | "syntax" | "invalid";

/** A configuration that cannot be used, with all that is wrong with it, in the order of the file. */
export class ConfigError extends AgentError<ConfigReason> {
  readonly problems: readonly ConfigProblem[];

  constructor(reason: ConfigReason, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(reason, renderProblems(problems), options);
    this.problems = problems;
  }
}

/** `agent.toml:12:1: pyroscope.scrape.local.scrape_intervall: unknown argument; did you mean "scrape_interval"?` */
export function renderProblem({ file, line, column, key, message }: ConfigProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return [place, key, message].filter((part) => part !== "").join(": ");
}

/** A line for each problem. */
export function renderProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(renderProblem).join("\n");
}
