import { Duration } from "../base/index.ts";
import { type Config, ConfigError } from "../config/index.ts";
import { formatLabels, type Target } from "../model/index.ts";
import { type CommandLine, exitCodes, flagValue, type Run } from "./command.ts";
import { explanationJson } from "./explain-json.ts";
import { formatExplanation } from "./explain-report.ts";
import type { Explanation } from "./explain-summary.ts";
import { choiceOf, type Ways } from "./explain-choice.ts";
import { startsByHand, startsOf } from "./explain-starts.ts";
import { explainAll } from "./explain-all.ts";
import type { ExplainedTarget } from "./explain-targets.ts";
import { findTargets } from "./find-targets.ts";
import type { CliIo } from "./io.ts";
import { loadFile, reportProblems } from "./load.ts";
import { parseTarget } from "./parse-target.ts";
import { UsageError } from "./usage-error.ts";

/**
 * `agent check --explain`: what each relabel rule does to a target, from where it is written or found to the URLs that are scraped and the
 * labels that are sent.
 */
export const explain: Run = async (line, io) => {
  const json = line.flags.has("json");
  const wanted = argumentsOf(line);
  try {
    const config = await loadFile(wanted.file, io);
    const explanation = await explained(config, wanted, io);
    if (json) await writeAll(explanationJson(explanation), io);
    else io.out(formatExplanation(explanation));
    return explanation.found.every(({ isComplete, failures }) => isComplete && failures.length === 0)
      ? exitCodes.ok
      : exitCodes.failure;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    reportProblems(thrown, io, { json });
    return exitCodes.failure;
  }
};

/** As fast as it is read, so that no more of it is in memory, and no longer than somebody reads. */
async function writeAll(texts: Iterable<string>, io: CliIo): Promise<void> {
  for (const text of texts) {
    io.out(text);
    if ((await io.drained?.()) === false) return;
  }
}

interface Wanted {
  readonly file: string;
  /** A component and a text, in any order. */
  readonly texts: readonly string[];
  /** Targets given by hand. */
  readonly byHand: readonly Target[];
  /** For those who find targets. */
  readonly timeoutMs: number;
}

const usualTimeoutMs = 10_000;

/** The file, by flag or first, and what is to be explained. Throws UsageError. */
function argumentsOf(line: CommandLine): Wanted {
  const { flags, args } = line;
  for (const flag of ["server", "label"])
    if (flags.has(flag)) throw new UsageError(`Flag "--${flag}" stands beside --explain, which explains a file`);
  const [file, ...texts] = [...(flags.get("config") ?? []), ...args];
  if (file === undefined) throw new UsageError("Nothing to explain: give --config FILE");
  const timeout = flagValue(line, "timeout") ?? `${usualTimeoutMs}ms`;
  const timeoutMs = Duration.parse(timeout)?.ms ?? 0;
  if (timeoutMs <= 0) throw new UsageError(`Flag "--timeout" is a duration such as 30s: got "${timeout}"`);
  return { file, texts, timeoutMs, byHand: (flags.get("target") ?? []).map(parseTarget) };
}

/** Throws UsageError. */
async function explained(config: Config, { texts, byHand, timeoutMs }: Wanted, io: CliIo): Promise<Explanation> {
  const { ways, filter } = choiceOf(config.components, texts);
  const found = byHand.length > 0 ? [] : await findTargets(ways.before, { timeoutMs, io });
  const starts = byHand.length > 0 ? startsByHand(ways, byHand) : startsOf(ways, found);
  const targets = explainAll(starts, {
    components: ways.all,
    areCompared: byHand.length === 0,
    isChosen: (target) => filter === undefined || holds(target, filter),
  });
  const sharing = config.cluster ? ways.all.filter(({ kind, args }) => kind.sharesTargets?.(args)) : [];
  return {
    found,
    timeoutMs,
    targets,
    chosen: targets.filter(({ isChosen }) => isChosen),
    filter,
    shared: sharing.map(({ id }) => id),
    warnings: config.warnings.filter((warning) => isNews(warning, config, ways)),
  };
}

/** Whether a warning names no other components than these, and does not send its reader here. */
function isNews(warning: string, { components }: Config, ways: Ways): boolean {
  if (warning.includes('"agent check --explain"')) return false;
  const named = components.filter(({ id }) => warning.includes(id));
  return named.every((component) => ways.all.includes(component));
}

/** Whether it was found with labels that hold the text, or is sent with some. */
function holds({ target, passages }: ExplainedTarget, text: string): boolean {
  const sent = passages.flatMap(({ scrapes = [] }) => scrapes.map(({ labels }) => labels));
  return [target, ...sent].some((labels) => formatLabels(labels).includes(text));
}
