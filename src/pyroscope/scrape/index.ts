/**
 * pyroscope/scrape: the component kind `pyroscope.scrape`, whose loop `phlare.scrape` shares.
 *
 * Flow: targets → plan (one scrape per target and enabled type: URL, deadline, series) → manager (a loop for each) → loop (its
 * phase of the interval) → fetch (request, bounds, proof that it is a profile) → delta → receivers.
 *
 * Constraints: a loop never overlaps itself and never waits for a push; a bad target costs only itself; one CPU profile at a time
 * per process; a target is asked with the credentials, and its profiles go to the receivers, of the arguments that it was planned by; a baseline
 * advances only when a receiver has accepted what was computed from it. A clean shutdown leaves the baselines to the next run, which uses them once.
 *
 * It does not push, keep or queue profiles, and does not find targets.
 */
export { type ScrapeArguments, scrapeArguments, scrapeEntries } from "./arguments.ts";
export type { BaselineTable } from "./baselines.ts";
export { checkSeconds, checkTimes } from "./check-times.ts";
export { type KeepOptions, saveBaselines, takeBaselines } from "./keep-baselines.ts";
export { createScrapeKind, createSharedScrapeState, type ScrapeKindOptions, type SharedScrapeState } from "./kind.ts";
export type { ScrapeReason } from "./scrape-error.ts";
export { profilingConfig } from "./profile-arguments.ts";
