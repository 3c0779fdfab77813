import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import * as v from "valibot";
import { formatSize, limits, preview } from "../base/index.ts";
import {
  createHttpClient,
  type HttpClient,
  type HttpResponse,
  httpArguments,
  httpChecks,
  httpWarnings,
  requestUrlProblem,
} from "../http/index.ts";
import type { Target } from "../model/index.ts";
import { argument, duration, found, optional, shownUrl, table, typeName } from "../schema/index.ts";
import { answerTimeoutMs } from "./answer-timeout.ts";
import { answeredJson } from "./answered-json.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { discoveryKind } from "./discovery-kind.ts";
import type { Finder, FinderContext } from "./finder.ts";
import { polling } from "./polling.ts";
import { statusError } from "./status-error.ts";
import { targetsOfGroups } from "./target-groups.ts";

const httpDiscoveryArguments = v.pipe(
  table({
    url: argument(
      v.pipe(
        v.string(({ input }) => `expected a URL such as "https://example.com/targets", found ${found(input)}`),
        v.rawCheck(({ dataset, addIssue }) => {
          const message = dataset.typed ? requestUrlProblem(dataset.value) : undefined;
          if (message !== undefined) addIssue({ message });
        }),
        typeName("URL"),
      ),
      {
        description:
          "What answers with the targets, as JSON; over a unix socket `unix:///run/sd.sock`, with a path `unix:///run/sd.sock:/path`",
        example: "https://example.com/scrape_targets",
      },
    ),
    refresh_interval: optional(duration({ positive: true }), {
      default: "60s",
      description: "How often it is asked",
      example: "15s",
    }),
    ...httpArguments(),
  }),
  httpChecks(),
);

type HttpDiscoveryArguments = v.InferOutput<typeof httpDiscoveryArguments>;

/** The kind `discovery.http` (reference 6.2): a server that answers GET with a JSON list of groups of targets. */
export const httpKind = discoveryKind<HttpDiscoveryArguments>({
  name: "discovery.http",
  summary: "Asks a URL for targets, again and again.",
  schema: httpDiscoveryArguments,
  warnings: async (id, args) => {
    const warnings = await httpWarnings({ args, urls: [args.url] });
    return warnings.map((warning) => `${id}: ${warning}`);
  },
  find: findByHttp,
});

function findByHttp(args: HttpDiscoveryArguments, { clock, log, userAgent }: FinderContext): Finder {
  const { url, refresh_interval: interval } = args;
  const client = createHttpClient({ args, clock, log });
  const headers = {
    accept: "application/json",
    "accept-encoding": "gzip",
    "user-agent": userAgent,
    "x-prometheus-refresh-interval-seconds": String(Math.round(interval.seconds)),
  };
  const timeoutMs = answerTimeoutMs(interval);
  const finder = polling({
    interval,
    clock,
    look: async (signal, report) => {
      report.found(shownUrl(url), await ask(client, { url, headers, timeoutMs, signal }));
    },
  });
  return {
    async run(signal, report) {
      try {
        await finder.run(signal, report);
      } finally {
        client.close();
      }
    },
  };
}

interface Question {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function ask(client: HttpClient, question: Question): Promise<readonly Target[]> {
  const { url } = question;
  const cannot = `Cannot take targets from "${shownUrl(url)}"`;
  const response = await client.request({ ...question, method: "GET", maxBytes: limits.discoveryBytes });
  if (response.status !== 200) throw statusError(response, { cannot, notFound: "correct the path of url" });
  const text = await textOf(response, cannot);
  checkType(text, response, cannot);
  const groups = await answeredJson(text, { cannot, masked: response.masked, advice });
  return targetsOfGroups(groups, { cannot, meta: { __meta_url: shownUrl(url) } });
}

const gunzipAsync = promisify(gunzip);

async function textOf({ headers, body }: HttpResponse, cannot: string): Promise<string> {
  const isPacked = headers["content-encoding"]?.toLowerCase() === "gzip";
  return (isPacked ? await unpacked(body, cannot) : Buffer.from(body)).toString();
}

async function unpacked(body: Uint8Array, cannot: string): Promise<Buffer> {
  try {
    return await gunzipAsync(body, { maxOutputLength: limits.discoveryBytes });
  } catch (cause) {
    const isTooLarge = (cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    const problem = isTooLarge
      ? `uncompressed, the answer is more than ${formatSize(limits.discoveryBytes)}`
      : "the answer is not the gzip that it says it is; correct the server, or the proxy before it";
    throw new DiscoveryError(isTooLarge ? "too_large" : "bad_answer", `${cannot}: ${problem}`, { cause });
  }
}

const advice = "correct the URL or the server";

const jsonType = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** A page with status 200 is the usual mistake, and the Content-Type tells it first (reference 6.2). */
function checkType(text: string, { headers, masked = String }: HttpResponse, cannot: string): void {
  const { "content-type": type = "" } = headers;
  if (jsonType.test(type)) return;
  const came = type === "" ? "no Content-Type" : `Content-Type "${preview(type)}"`;
  const begins = text.trim() === "" ? "is empty" : `begins with "${preview(masked(text.slice(0, 256)))}"`;
  const problem = `the answer has ${came} in place of "application/json" and ${begins}`;
  throw new DiscoveryError("content_type", `${cannot}: ${problem}; ${advice}`);
}
