import type { Clock, Duration } from "../../base/index.ts";
import { httpWarnings, isUnixUrl } from "../../http/index.ts";
import type { Target } from "../../model/index.ts";
import { shownUrl } from "../../schema/index.ts";
import { answerTimeoutMs } from "../answer-timeout.ts";
import { boundedTargets } from "../bounded-targets.ts";
import type { Finder, FinderContext, Report } from "../finder.ts";
import { polling } from "../polling.ts";
import { SkippedObjects } from "../skipped-objects.ts";
import { createDockerApi, type DockerApi } from "./docker-api.ts";
import type { DockerHostArguments } from "./docker-arguments.ts";
import { dockerUrl } from "./docker-host.ts";

/** One look at a daemon. */
export interface DockerLook {
  readonly api: DockerApi;
  readonly clock: Clock;
  /** For one answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly skipped: SkippedObjects;
  /** For what goes wrong beside what it finds. */
  readonly report: Pick<Report, "failed" | "gone">;
}

export interface DockerFinderOptions {
  readonly args: DockerHostArguments & { readonly refresh_interval: Duration };
  /** What it finds is made, and counted, as it is taken from it. */
  readonly look: (look: DockerLook) => Promise<Iterable<Target>>;
}

/** A finder that asks one daemon again and again. */
export function dockerFinder({ args, look }: DockerFinderOptions, context: FinderContext): Finder {
  const { host, refresh_interval: interval } = args;
  const { clock } = context;
  const timeoutMs = answerTimeoutMs(interval);
  const api = createDockerApi({ ...context, args, timeoutMs });
  const finder = polling({
    interval,
    clock,
    async look(signal, report) {
      const skipped = new SkippedObjects();
      const found = await look({ api, clock, timeoutMs, signal, skipped, report });
      report.found(shownUrl(host), boundedTargets(found, `Cannot take the targets of "${shownUrl(host)}"`));
      report.skipped(skipped.counts());
    },
  });
  return {
    async run(signal, report) {
      try {
        await finder.run(signal, report);
      } finally {
        api.close();
      }
    },
  };
}

/** What of the arguments is probably not meant. */
export async function dockerWarnings(id: string, args: DockerHostArguments): Promise<readonly string[]> {
  const url = isUnixUrl(args.host) ? args.host : dockerUrl(args.host, "/", { withTls: args.tls_config !== undefined });
  const warnings = await httpWarnings({ args, urls: [url] });
  return warnings.map((warning) => `${id}: ${warning}`);
}
