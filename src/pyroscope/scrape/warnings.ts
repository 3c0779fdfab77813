import { formatDuration } from "../../base/index.ts";
import { httpWarnings } from "../../http/index.ts";
import { missingGroupWarnings } from "../../relabel/index.ts";
import { type PlanOptions, planScrapes, timeoutMarginMs } from "./plan.ts";
import { literalTargets } from "./literal-targets.ts";

/** Go's http.Server is often given this write timeout; a request that lasts longer is then cut. */
const usualWriteTimeoutSeconds = 30;

/** What is legal but probably not meant, a sentence each (DESIGN, the row `scrape_timeout`). */
export async function scrapeWarnings(options: PlanOptions): Promise<readonly string[]> {
  const { id, args } = options;
  const targets = literalTargets(args);
  const { scrapes, errors, dropped } = planScrapes(targets, options);
  const warnings = errors.map((error) => `${id}: ${error.message}; this target is skipped`);
  warnings.push(...missingGroupWarnings(id, args.rule));
  if (dropped > 0)
    warnings.push(
      `${id}: the rules drop ${dropped} of ${targets.length} targets in this file; "agent check --explain" shows which one does`,
    );
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
  const moreUrls = targets.length < args.targets.length;
  const ofClient = await httpWarnings({ args, urls: scrapes.map(({ url }) => url), moreUrls });
  return [...warnings, ...ofClient.map((warning) => `${id}: ${warning}`)];
}
