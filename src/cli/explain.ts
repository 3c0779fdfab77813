import type { ComponentConfig } from "../component/index.ts";
import { type Config, ConfigError } from "../config/index.ts";
import { formatLabels, labelsFrom, type Target } from "../model/index.ts";
import { type CommandLine, exitCodes, type Run } from "./command.ts";
import { explainAll, type Start } from "./explain-targets.ts";
import { explanationsToJson, formatExplanations } from "./explain-report.ts";
import { loadFile, reportProblems } from "./load.ts";
import { UsageError } from "./usage-error.ts";

/** `agent check --explain`: what each relabel rule does to a target, from where it is written to the URLs that are scraped. */
export const explain: Run = async (line, io) => {
  const json = line.flags.has("json");
  const { file, ...wanted } = argumentsOf(line);
  try {
    const config = await loadFile(file, io);
    const explained = explainAll(config.components, startsOf(config, wanted));
    io.out(json ? `${JSON.stringify(explanationsToJson(explained), null, 2)}\n` : formatExplanations(explained));
    return exitCodes.ok;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    reportProblems(thrown, io, { json });
    return exitCodes.failure;
  }
};

interface Wanted {
  /** Targets given by hand. */
  readonly byHand: readonly Target[];
  /** What the labels of a target in the file must hold. */
  readonly filter: string | undefined;
}

/** The file, by flag or first, and what is to be explained. Throws UsageError. */
function argumentsOf({ flags, args }: CommandLine): Wanted & { file: string } {
  for (const flag of ["server", "label"])
    if (flags.has(flag)) throw new UsageError(`Flag "--${flag}" stands beside --explain, which explains a file`);
  const [file, filter, ...others] = [...(flags.get("config") ?? []), ...args];
  if (file === undefined) throw new UsageError("Nothing to explain: give --config FILE");
  if (others.length > 0)
    throw new UsageError(`One text is enough to choose targets: got "${filter}" and "${others[0]}"`);
  return { file, filter, byHand: (flags.get("target") ?? []).map(parseTarget) };
}

/** The targets given by hand, for every component that others feed with targets; else the ones in the file. */
function startsOf({ components }: Config, { byHand, filter }: Wanted): readonly Start[] {
  if (byHand.length > 0) {
    const first = components.filter(
      (component) => component.kind.explainTarget && isFedFromOutside(component, components),
    );
    return byHand.flatMap((target) => first.map((component) => ({ component, target })));
  }
  const starts = components.flatMap((component) =>
    (component.kind.literalTargets?.(component.args) ?? []).map((target): Start => ({ component, target })),
  );
  return filter === undefined ? starts : starts.filter(({ target }) => formatLabels(target).includes(filter));
}

/** Whether targets come to it from the file or from a component that finds them, and not only through other rules. */
function isFedFromOutside(
  { kind, args, references }: ComponentConfig,
  components: readonly ComponentConfig[],
): boolean {
  if ((kind.literalTargets?.(args) ?? []).length > 0) return true;
  const sources = references.filter(({ needs }) => needs === "targets").map(({ id }) => id);
  return components.some(({ id, kind: source }) => sources.includes(id) && !source.explainTarget);
}

/** `__address__=10.0.0.1:80,job=shop` as a target. */
function parseTarget(text: string): Target {
  const pairs = text.split(",").map((part): [string, string] => {
    const at = part.indexOf("=");
    if (at < 1) throw new UsageError(`Target "${text}" holds "${part}": write --target 'LABEL=VALUE,LABEL=VALUE'`);
    return [part.slice(0, at).trim(), part.slice(at + 1)];
  });
  return labelsFrom(pairs);
}
