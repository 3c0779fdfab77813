import { errorMessage, formatDuration, preview, roundedMs, splitHint } from "../base/index.ts";
import type { HttpResponse } from "../http/index.ts";
import type { ProfileInfo } from "../model/index.ts";
import { decodeBody, describeProfile, PprofError, type ProfileDescription, validate } from "../pprof/index.ts";
import { type Advised, judgeStatus } from "./test-advice.ts";
import type { Judgement } from "./test-result.ts";

export interface ContentOptions {
  /** What was asked for. */
  readonly url: string;
  readonly advised: Advised;
  /** The command that lists what the process serves. */
  readonly listing: string;
  /** Whether it is a failure where nothing is served. */
  readonly isRequired: boolean;
  readonly maxBytes: number;
  /** Wall time, to compare the profile's with. */
  readonly nowMs: number;
}

/** Says whether a response is a profile that a scrape would take, and what it is otherwise. */
export function judgeContent(response: HttpResponse, options: ContentOptions): Judgement & { info?: ProfileInfo } {
  const { status, body, headers, masked } = response;
  if (status !== 200) return judgeOther(response, options);
  try {
    const decoding = { contentEncoding: headers["content-encoding"], masked };
    const { raw, encoding } = decodeBody(body, options.maxBytes, decoding);
    return judgeProfile(validate(raw), { description: describeProfile(raw), encoding, options });
  } catch (thrown) {
    if (!(thrown instanceof PprofError)) throw thrown;
    return judgeForeign(errorMessage(thrown), { ...options, response });
  }
}

function judgeOther(response: HttpResponse, { advised, listing, isRequired }: ContentOptions): Judgement {
  const { status, body } = response;
  const words = preview(new TextDecoder().decode(body));
  const { verdict, next } = judgeStatus(response, { ...advised, listing });
  return {
    state: status === 404 && !isRequired ? "absent" : "failed",
    text: `status ${status}${words === "" ? "" : ` with "${words}"`}`,
    details: [],
    verdict,
    next: words.includes("profiling already in use") ? "somebody else profiles this process: test again later" : next,
  };
}

function judgeForeign(
  message: string,
  { url, listing, response }: ContentOptions & { readonly response: HttpResponse },
): Judgement {
  const what = message.replace(/^Cannot read the profile: /, "");
  const next = /[?&]debug=[^0]/.test(url)
    ? 'leave "debug" out of the URL: with it Go answers text for people'
    : `\`${listing}\` lists the profiles that it serves`;
  const led = response.request?.redirectedTo;
  return {
    state: "failed",
    text: what,
    details: [],
    verdict: `${led === undefined ? "This" : `"${led}", to which the server redirects,`} is no valid profile: ${splitHint(what).what}.`,
    next: led === undefined ? next : "configure the URL of the profile itself; a page to log in wants credentials",
  };
}

interface Readable {
  readonly description: ProfileDescription;
  readonly encoding: string;
  readonly options: ContentOptions;
}

function judgeProfile(
  info: ProfileInfo,
  { description, encoding, options }: Readable,
): Judgement & { info: ProfileInfo } {
  const columns = info.sampleTypes.map(({ type, unit }) => `${type}/${unit}`);
  const kind = `${description.isGo ? "Go " : ""}${kindOf(columns)}`;
  const samples = `${info.samples} sample${info.samples === 1 ? "" : "s"}`;
  return {
    state: "ok",
    text: `${samples} of ${columns.join(", ")}`,
    details: detailsOf(info, { description, encoding, options }),
    verdict: `This is a ${kind} profile with ${info.samples === 0 ? "no samples" : samples}; scraping it will work.`,
    next: info.samples === 0 ? adviceForEmpty(columns, options.url) : undefined,
    info,
  };
}

function detailsOf(info: ProfileInfo, { description, encoding, options }: Readable): readonly string[] {
  const { functions, locations, periodType, binary, buildId } = description;
  const covers = info.durationMs > 0 ? [`covers ${formatDuration(roundedMs(info.durationMs))}`] : [];
  return [
    [
      encoding === "none" ? "not compressed" : encoding,
      `${functions} functions`,
      `${locations} locations`,
      ...(periodType === "" ? [] : [`period ${preview(periodType)}`]),
      ...covers,
    ].join(", "),
    ...(binary === "" ? [] : [`program "${preview(binary)}"${buildId === "" ? "" : `, build id ${preview(buildId)}`}`]),
    ...(info.timeMs === 0 ? [] : [timeOf(info, options.nowMs)]),
  ];
}

/** Servers refuse profiles from further away (reference 5.3). */
const skewMs = 600_000;

function timeOf({ timeMs, durationMs }: ProfileInfo, nowMs: number): string {
  const aheadMs = timeMs + durationMs - nowMs;
  const taken = `taken ${new Date(timeMs).toISOString()}`;
  if (Math.abs(aheadMs) < skewMs) return taken;
  const by = formatDuration(Math.round(Math.abs(aheadMs) / 1000) * 1000);
  return `${taken}, ${by} ${aheadMs > 0 ? "ahead of" : "behind"} this machine's clock: servers may refuse it`;
}

const kinds: readonly (readonly [column: RegExp, name: string])[] = [
  [/^cpu\//, "CPU"],
  [/^(alloc|inuse)_(space|objects)\//, "memory"],
  [/^contentions\//, "contention"],
  [/^goroutines?\//, "goroutine"],
];

function kindOf(columns: readonly string[]): string {
  return kinds.find(([pattern]) => columns.some((column) => pattern.test(column)))?.[1] ?? "pprof";
}

function adviceForEmpty(columns: readonly string[], url: string): string {
  if (kindOf(columns) !== "contention") return "give the process something to do, and test again";
  const call = url.includes("mutex") ? "runtime.SetMutexProfileFraction" : "runtime.SetBlockProfileRate";
  return `a Go program records these only after ${call}`;
}
