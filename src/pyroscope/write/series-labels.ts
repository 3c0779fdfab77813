import { AgentError, preview } from "../../base/index.ts";
import { formatLabels, labelNamePattern, type Labels, labelsFrom, labelsMap, labelValue } from "../../model/index.ts";

/** What the agent sends of the names that start with two underscores; the server's own are its to add (reference 5.4). */
const sentReserved: ReadonlySet<string> = new Set(["__name__", "__delta__"]);

/**
 * The labels a profile is pushed with: its own without reserved ones, then `external`, which win and whose empty values remove
 * a label; sorted by name. Throws AgentError `invalid_labels` for a set that a server refuses or that UTF-8 cannot carry.
 */
export function seriesLabels(labels: Labels, external: ReadonlyMap<string, string>): Labels {
  const sent = labelsMap(labels);
  if (sent.size < labels.length) throw invalid("a name is there twice", labels);
  for (const name of sent.keys()) if (name.startsWith("__") && !sentReserved.has(name)) sent.delete(name);
  for (const [name, value] of external) sent.set(name, value);
  const series = labelsFrom(sent);
  for (const { name, value } of series) {
    if (!labelNamePattern.test(name)) throw invalid(`"${preview(name)}" is no label name`, labels);
    if (!value.isWellFormed()) throw invalid(`the value of "${name}" is no valid Unicode`, labels);
  }
  if (labelValue(series, "__name__") === "") throw invalid('"__name__", the profile type, is missing', labels);
  return series;
}

function invalid(problem: string, labels: Labels): AgentError<"invalid_labels"> {
  const shown = preview(formatLabels(labels), 256);
  return new AgentError("invalid_labels", `Cannot push a profile whose labels are invalid: ${problem} in ${shown}`);
}
