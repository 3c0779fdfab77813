import { Buffer } from "node:buffer";
import * as v from "valibot";
import { limits, Secret } from "../../base/index.ts";
import { headerNameProblem, httpArguments, httpChecks } from "../../http/index.ts";
import { scopedRelabelRules } from "../../relabel/index.ts";
import {
  argument,
  choice,
  crossCheck,
  duration,
  flag,
  found,
  labelNameProblem,
  labels,
  mapOf,
  notYet,
  number,
  oneOrMany,
  optional,
  type Report,
  secretText,
  size,
  table,
  word,
} from "../../schema/index.ts";
import { endpointKey } from "./endpoint-key.ts";
import { endpointUrlProblem, pushUrl } from "./endpoint-url.ts";

const headers = v.pipe(
  mapOf(secretText(), { keyProblem: (name) => headerNameProblem(name, "headers") }),
  v.check((value) => !duplicate(Object.keys(value).map(lower)), "names one header twice, in upper and lower case"),
  v.transform(
    (value): Readonly<Record<string, string | Secret>> =>
      Object.fromEntries(
        Object.entries(value).map(([name, text]) => [name, lower(name) === tenantHeader ? text : new Secret(text)]),
      ),
  ),
);

/** The one header that is no secret: it names the tenant. */
const tenantHeader = "x-scope-orgid";

const queue = table({
  durability: optional(choice(["memory", "outage", "always"]), {
    default: "outage",
    description:
      "When queued profiles go to disk: never (`memory`), while the server cannot be reached and at the end (`outage`), or before a profile counts as scraped (`always`)",
    example: "always",
  }),
  max_memory: optional(size(), {
    default: "16MiB",
    description: "What queued profiles may take in memory; the oldest go first",
    example: "4MiB",
  }),
  max_disk: optional(size(), {
    default: "256MiB",
    description: "What queued profiles may take on disk; the oldest go first",
    example: "1GiB",
  }),
  max_age: optional(duration({ positive: true }), {
    default: "50m",
    description: "How long a profile is tried; servers refuse those older than an hour",
    example: "30m",
  }),
  max_in_flight: optional(number(1), {
    default: 8,
    description: "The most pushes under way at once",
    example: 2,
  }),
});

const defaultMaxBackoffMs = 300_000;

const endpoint = v.pipe(
  table({
    url: argument(
      v.pipe(
        v.string(({ input }) => `expected a URL such as "http://pyroscope:4040", found ${found(input)}`),
        v.rawCheck(({ dataset, addIssue }) => {
          const message = dataset.typed ? endpointUrlProblem(dataset.value) : undefined;
          if (message !== undefined) addIssue({ message });
        }),
      ),
      {
        description:
          "Where the server is, without the path of the Push API; over a unix socket `unix:///run/pyroscope.sock`, with a path `unix:///run/pyroscope.sock:/path`",
        example: "http://pyroscope:4040",
      },
    ),
    name: optional(word(), {
      description: "Names the endpoint in metrics, and is what its queue belongs to",
      defaultText: "the URL",
      example: "central",
    }),
    remote_timeout: optional(duration({ positive: true }), {
      default: "10s",
      description: "Deadline of one push",
      example: "30s",
    }),
    headers: optional(headers, {
      default: {},
      description: "Headers sent with every push; all values but that of `X-Scope-OrgID` count as secret",
      example: { "X-Scope-OrgID": "squad-1" },
    }),
    min_backoff_period: optional(duration({ positive: true }), {
      default: "500ms",
      description: "The wait before the first retry; it doubles with each",
      example: "1s",
    }),
    max_backoff_period: optional(duration({ positive: true }), {
      default: "5m",
      description:
        "The longest wait between retries; a server that cannot be reached at all is probed every 30s at least",
      example: "1m",
    }),
    max_backoff_retries: optional(number(0), {
      default: 10,
      description:
        "Retries of one profile after its first attempt, counted where others passed since the one before; 0 is without end. Outages do not count",
      example: 0,
    }),
    retry_on_http_429: optional(flag(), {
      default: true,
      description: "Whether a profile that the server's rate limit turned away is tried again",
      example: false,
    }),
    debug_info_upload_timeout: optional(v.pipe(duration(), notYet("eBPF profiles are")), {
      description: "Deadline for uploading debug information of eBPF profiles",
      example: "2m",
    }),
    queue: optional(queue, { default: {}, description: "What waits for the server" }),
    ...httpArguments(),
  }),
  httpChecks(),
  crossCheck(["min_backoff_period", "max_backoff_period"], (args, report) => {
    const { min_backoff_period: min, max_backoff_period: max } = args;
    if (max.ms >= min.ms) return;
    // That of the two is at fault which was written.
    if (max.ms === defaultMaxBackoffMs)
      report(["min_backoff_period"], `must not be above max_backoff_period (${max}), found "${min}"`);
    else report(["max_backoff_period"], `must not be below min_backoff_period (${min}), found "${max}"`);
  }),
);

/** The arguments of `pyroscope.write` (seeds 003 and 004, reference 3.1). */
export const writeArguments = v.pipe(
  table({
    external_labels: optional(
      v.pipe(
        labels((name) => (name.startsWith("__") ? 'names that begin with "__" are reserved' : labelNameProblem(name))),
        v.transform((record): ReadonlyMap<string, string> => new Map(Object.entries(record))),
      ),
      {
        default: {},
        description: "Labels added to every profile, over its own; an empty value removes the label",
        example: { env: "staging" },
      },
    ),
    endpoint: optional(oneOrMany(endpoint), {
      default: [],
      description: "Servers to push to; each gets every profile, independent of the others",
    }),
    tracing: optional(
      v.pipe(
        table({
          jaeger_propagator: optional(flag(), {
            default: true,
            description: "Whether `uber-trace-id` is sent",
            example: false,
          }),
          trace_context_propagator: optional(flag(), {
            default: true,
            description: "Whether `traceparent` is sent",
            example: false,
          }),
        }),
        notYet("sending trace headers is", {
          unless: (args) => !args.jaeger_propagator && !args.trace_context_propagator,
        }),
      ),
      { description: "Trace headers sent with a push" },
    ),
    rule: optional(scopedRelabelRules(), {
      default: [],
      description: "Relabel rules, in order, on what is pushed, `external_labels` included",
    }),
  }),
  crossCheck(["endpoint"], ({ endpoint: endpoints }, report) => checkNames(endpoints, report)),
);

export type WriteArguments = v.InferOutput<typeof writeArguments>;

/** A queue and a metric belong to an endpoint's name, or else to its URL: no two may have the same. */
function checkNames(endpoints: readonly v.InferOutput<typeof endpoint>[], report: Report): void {
  const seen = new Set<string>();
  for (const [index, one] of endpoints.entries()) {
    const { url, name } = one;
    const bytes = Buffer.byteLength(endpointKey(one));
    if (bytes > limits.spoolOwnerNameBytes) reportLongKey({ index, name, bytes }, report);
    const key = name ?? pushUrl(url);
    if (seen.has(key) && name !== undefined)
      report(["endpoint", index, "name"], `"${name}" is the name of another endpoint too`);
    else if (seen.has(key))
      report(
        ["endpoint", index, "url"],
        `another endpoint has this URL too: give each a name, such as name = "second"`,
      );
    seen.add(key);
  }
}

/** Each record on disk names the endpoints that it is for. */
function reportLongKey(
  { index, name, bytes }: { readonly index: number; readonly name: string | undefined; readonly bytes: number },
  report: Report,
): void {
  const tooLong = `${bytes} bytes, above the limit of ${limits.spoolOwnerNameBytes} for what a queue is known by`;
  if (name !== undefined) report(["endpoint", index, "name"], `takes ${tooLong}: choose a shorter one`);
  else report(["endpoint", index, "url"], `takes, with the tenant, ${tooLong}: give the endpoint a name`);
}

function duplicate(names: readonly string[]): boolean {
  return new Set(names).size < names.length;
}

function lower(name: string): string {
  return name.toLowerCase();
}
