import * as v from "valibot";
import { authenticationOf, httpArguments, httpChecks } from "../../http/index.ts";
import { profileTypes } from "../../model/index.ts";
import {
  checkSeconds,
  checkTimes,
  profilingConfig,
  type ScrapeArguments,
  scrapeEntries,
} from "../../pyroscope/scrape/index.ts";
import { crossCheck, optional, table } from "../../schema/index.ts";

/** phlare.scrape came before godeltaprof. */
const knownTypes = profileTypes.filter(({ replaces }) => replaces === undefined);

/**
 * The arguments of `phlare.scrape` (seed 001): those of `pyroscope.scrape`, but for the godeltaprof types, and with the HTTP client's
 * also in a table of their own and in their older spellings. The output is that of `pyroscope.scrape`.
 */
export const phlareScrapeArguments = v.pipe(
  table({
    ...scrapeEntries(),
    profiling_config: optional(profilingConfig(knownTypes), {
      default: {},
      description: "Which profile types are scraped, and how",
    }),
    http_client_config: optional(httpClientConfig(), {
      description: "The HTTP client's arguments, in a table of their own",
    }),
  }),
  httpChecks(),
  crossCheck([], (args, report) => {
    if (args.http_client_config === undefined) return;
    const outside = [
      ...authenticationOf(args),
      ...(["tls_config", "proxy_url", "http_headers"] as const).filter((name) => args[name] !== undefined),
    ];
    for (const name of outside) report([name], "stands beside http_client_config: move it in there");
  }),
  crossCheck(["scrape_interval", "delta_profiling_duration", "profiling_config"], (args, report) =>
    checkTimes(args, report),
  ),
  crossCheck(["params"], (args, report) => checkSeconds(args, report)),
  v.transform(({ http_client_config, ...args }): ScrapeArguments => ({ ...args, ...http_client_config })),
);

function httpClientConfig() {
  const entries = httpArguments({ oldSpellings: true });
  const spelt = (description: string) =>
    optional(entries.enable_http2.wrapped, { description, defaultText: "`true`", example: false });
  return v.pipe(
    table({
      ...entries,
      enable_http2: spelt("Whether HTTP/2 is spoken with servers that offer it over TLS"),
      enable_http_2: spelt("`enable_http2` in its older spelling"),
    }),
    httpChecks(),
    crossCheck([], (args, report) => {
      if (args.enable_http2 !== undefined && args.enable_http_2 !== undefined)
        report(["enable_http_2"], "enable_http2 and enable_http_2 are the same argument; keep one of them");
    }),
    v.transform(({ enable_http_2 = true, enable_http2 = enable_http_2, ...args }) => ({ ...args, enable_http2 })),
  );
}
