import { ConfigError } from "../config/index.ts";
import { exitCodes, type Run } from "./command.ts";
import { loadFromFlags, reportProblems } from "./load.ts";
import { formatPlan, planOf, planToJson } from "./plan.ts";

/** `agent check`: every problem of a configuration, or what it would do. */
export const check: Run = async (line, io) => {
  const json = line.flags.has("json");
  try {
    const plan = planOf(await loadFromFlags(line, io));
    io.out(json ? `${JSON.stringify(planToJson(plan), null, 2)}\n` : formatPlan(plan));
    return exitCodes.ok;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    reportProblems(thrown, io, { json });
    return exitCodes.failure;
  }
};
