/**
 * phlare/scrape: the component kind `phlare.scrape` (seed 001), the older name and schema of the same scrape loop. It does not
 * infer `service_name`, and its metrics begin with `phlare_`.
 */
import type { ComponentKind } from "../../component/index.ts";
import { createScrapeKind, type ScrapeArguments, type SharedScrapeState } from "../../pyroscope/scrape/index.ts";
import { phlareScrapeArguments } from "./arguments.ts";

export { phlareScrapeArguments } from "./arguments.ts";

export function createPhlareScrapeKind(shared: SharedScrapeState): ComponentKind<ScrapeArguments> {
  return createScrapeKind(shared, {
    name: "phlare.scrape",
    summary: "Scrapes pprof profiles as pyroscope.scrape does, with the arguments of the older phlare.scrape.",
    schema: phlareScrapeArguments,
    metricPrefix: "phlare",
    infersServiceName: false,
  });
}
