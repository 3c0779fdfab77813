import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ScrapeReason } from "../../src/pyroscope/scrape/scrape-error.ts";
import type { DropReason } from "../../src/pyroscope/write/push-outcome.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/troubleshooting.md"), "utf8");
const [scraping = "", pushing = ""] = page.split("\n## A profile does not reach the server");

// Typed records, so that the compiler asks for every reason that is added. Merging alone can find profiles incompatible.
const scrapeReasons: Record<Exclude<ScrapeReason, "incompatible">, true> = {
  canceled: true,
  credentials: true,
  cpu_busy: true,
  dns: true,
  empty: true,
  http_4xx: true,
  http_5xx: true,
  http_other: true,
  internal: true,
  not_pprof: true,
  protocol: true,
  proxy: true,
  redirects: true,
  refused: true,
  reset: true,
  timeout: true,
  tls: true,
  too_large: true,
  truncated: true,
  unreachable: true,
};
const dropReasons: Record<Exclude<DropReason, "canceled">, true> = {
  credentials: true,
  deadline: true,
  dns: true,
  endpoint_removed: true,
  internal: true,
  invalid: true,
  invalid_labels: true,
  larger_than_queue: true,
  not_found: true,
  not_pyroscope: true,
  protocol: true,
  proxy: true,
  queue_full: true,
  rate_limited: true,
  redirects: true,
  refused: true,
  reset: true,
  retries_exhausted: true,
  server_error: true,
  shutdown: true,
  spool_damaged: true,
  spool_full: true,
  timeout: true,
  tls: true,
  too_large: true,
  too_old: true,
  truncated: true,
  unauthorized: true,
  unavailable: true,
  unknown_age: true,
  unreachable: true,
};

describe("docs/troubleshooting.md", () => {
  test.each(Object.keys(scrapeReasons))("explains why a scrape fails with %s", (reason) => {
    expect(scraping).toContain(`| \`${reason}\` | `);
  });

  test.each(Object.keys(dropReasons))("explains why a profile is dropped or held with %s", (reason) => {
    expect(pushing).toContain(`\`${reason}\``);
  });
});
