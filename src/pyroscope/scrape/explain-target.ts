import { errorMessage } from "../../base/index.ts";
import type { TargetExplanation } from "../../component/index.ts";
import type { Target } from "../../model/index.ts";
import { explainRules, targetRules } from "../../relabel/index.ts";
import { type PlanOptions, planScrapes } from "./plan.ts";
import { typeProblems } from "./target-types.ts";

/** What the rules and the plan of a component make of one target, for people. */
export function explainTarget(target: Target, options: PlanOptions): TargetExplanation {
  try {
    const steps = explainRules(target, targetRules(options.args));
    const { scrapes, errors } = planScrapes([target], options);
    const [error] = errors;
    const result = steps.length > 0 ? steps.at(-1)?.after : target;
    const problem = error?.message ?? (result && typeProblems(options.args, result).join("; "));
    return { steps, scrapes, ...(problem && { problem }) };
  } catch (thrown) {
    return { steps: [], problem: errorMessage(thrown) };
  }
}
