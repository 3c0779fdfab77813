import { ConfigError } from "../config/index.ts";
import { exitCodes, type Run } from "./command.ts";
import { jsonText } from "./json-text.ts";
import { loadFromFlags, reportProblems } from "./load.ts";
import { formatPlan, planOf, planToJson } from "./plan.ts";
import { UsageError } from "./usage-error.ts";

/** `agent check`: every problem of a configuration, or what it would do. */
export const check: Run = async (line, io) => {
  if (line.flags.has("explain")) return (await import("./explain.ts")).explain(line, io);
  if (line.flags.has("timeout")) throw new UsageError('Flag "--timeout" is for --explain, which looks for targets');
  const unexpected = line.args[line.flags.has("config") ? 0 : 1];
  if (unexpected !== undefined)
    throw new UsageError(
      `Unexpected argument "${unexpected}" of "agent check": one file is checked; with --explain, a text chooses targets`,
    );
  const json = line.flags.has("json");
  try {
    const plan = planOf(await loadFromFlags(line, io));
    io.out(json ? `${jsonText(planToJson(plan))}\n` : formatPlan(plan));
    return exitCodes.ok;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    reportProblems(thrown, io, { json });
    return exitCodes.failure;
  }
};
