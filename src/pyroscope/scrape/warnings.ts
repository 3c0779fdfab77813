import { AgentError, formatDuration } from "../../base/index.ts";
import { httpWarnings } from "../../http/index.ts";
import { labelValue, type Target } from "../../model/index.ts";
import { droppedWarning, missingGroupWarnings, relabel, targetRules } from "../../relabel/index.ts";
import { type PlanOptions, planScrapes, timeoutMarginMs } from "./plan.ts";
import type { ScrapeArguments } from "./arguments.ts";
import { literalTargets } from "./literal-targets.ts";
import { shownAddress } from "./scrape-url.ts";
import { typeProblems } from "./target-types.ts";

/** Go's http.Server is often given this write timeout; a request that lasts longer is then cut. */
const usualWriteTimeoutSeconds = 30;

interface WarningOptions extends PlanOptions {
  /** Targets in the file that come to it through other components. */
  readonly written?: readonly Target[] | undefined;
}

/** What is legal but probably not meant, a sentence each (DESIGN, the row `scrape_timeout`). */
export async function scrapeWarnings(options: WarningOptions): Promise<readonly string[]> {
  const { id, args, written = [] } = options;
  const own = literalTargets(args);
  const targets = [...own, ...written];
  const { scrapes, errors, dropped } = planScrapes(targets, options);
  const warnings = errors.map((error) => `${id}: ${error.message}; this target is skipped`);
  warnings.push(...targets.flatMap((target) => typeWarnings(target, options)));
  warnings.push(...missingGroupWarnings(id, args.rule));
  if (dropped > 0) warnings.push(droppedWarning({ id, dropped, of: targets.length }));
  if (args.forward_to.length === 0) warnings.push(`${id}: "forward_to" is empty: the profiles go nowhere`);
  const seconds = scrapes.reduce((most, scrape) => Math.max(most, scrape.seconds ?? 0), 0);
  if (seconds >= usualWriteTimeoutSeconds)
    warnings.push(
      `${id}: some requests ask the target to profile for ${seconds} s; many servers cut responses after ${usualWriteTimeoutSeconds} s (their write timeout): set "delta_profiling_duration" to less`,
    );
  if (scrapes.some((scrape) => scrape.exclusive && scrape.seconds === undefined))
    warnings.push(`${id}: a CPU profile without "seconds" (delta = false): Go then profiles for 30 s`);
  const late = scrapes.find(({ timeoutMs, intervalMs }) => timeoutMs > intervalMs + timeoutMarginMs);
  if (late)
    warnings.push(
      `${id}: the deadline of a request (${formatDuration(late.timeoutMs)}) is above "scrape_interval" (${args.scrape_interval}): a target that hangs costs more than one scrape`,
    );
  const moreUrls = own.length < args.targets.length;
  const ofClient = await httpWarnings({ args, urls: scrapes.map(({ url }) => url), moreUrls });
  return [...warnings, ...ofClient.map((warning) => `${id}: ${warning}`)];
}

/** Types that a target asks for in vain. */
function typeWarnings(given: Target, { id, args }: PlanOptions): readonly string[] {
  const target = afterRules(given, args);
  if (!target || labelValue(target, "__profile_types__") === "") return [];
  const address = shownAddress(labelValue(target, "__address__"));
  return typeProblems(args, target).map((problem) => `${id}: "__profile_types__" of "${address}": ${problem}`);
}

/** Nothing where rules make more of it than is taken, of which there is a warning already. */
function afterRules(target: Target, args: ScrapeArguments): Target | undefined {
  try {
    return relabel(target, targetRules(args));
  } catch (thrown) {
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}
