import { errorMessage } from "../../base/index.ts";
import type { TargetExplanation } from "../../component/index.ts";
import type { Target } from "../../model/index.ts";
import { explainRules, targetRules } from "../../relabel/index.ts";
import { type PlanOptions, planScrapes } from "./plan.ts";

/** What the rules and the plan of a component make of one target, for people. */
export function explainTarget(target: Target, options: PlanOptions): TargetExplanation {
  try {
    const steps = explainRules(target, targetRules(options.args));
    const { scrapes, errors } = planScrapes([target], options);
    const [error] = errors;
    return { steps, scrapes, ...(error && { problem: error.message }) };
  } catch (thrown) {
    return { steps: [], problem: errorMessage(thrown) };
  }
}
