import { parse } from "valibot";
import { type ScrapeArguments, scrapeArguments } from "../../../src/pyroscope/scrape/index.ts";

/** Arguments as the schema gives them: `config` in the configuration's own words, with a receiver that nobody asks for. */
export function parseScrapeArguments(config: Record<string, unknown> = {}): ScrapeArguments {
  return parse(scrapeArguments, { targets: [], forward_to: ["pyroscope.write.test"], ...config });
}
