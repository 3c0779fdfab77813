import { shellQuoted } from "./shell-quoted.ts";
import { AgentError, type Clock } from "../base/index.ts";
import { createHttpClient, diagnose, type HttpError, type HttpResponse, type StepReport } from "../http/index.ts";
import { type Advised, judgeError } from "./test-advice.ts";
import { judgeContent } from "./test-content.ts";
import type { JudgedProfile, TestResult } from "./test-result.ts";
import type { ProfileRequest, ProfilesSubject } from "./test-subjects.ts";
import { maskedUrl } from "./test-url.ts";
import { userAgent } from "../version.ts";

/** What every test is done with. */
export interface TestContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of each step of a request as soon as it has ended. */
  readonly onStep?: (step: StepReport) => void;
  /** Told what is waited for where that takes a while. */
  readonly onWait?: (sentence: string) => void;
}

const headers = { "user-agent": userAgent };

/** Takes the first request apart, and makes the others where that one was answered. */
export async function testProfiles(subject: ProfilesSubject, context: TestContext): Promise<TestResult> {
  const { args, requests } = subject;
  const [first, ...others] = requests;
  const onStep = (step: StepReport): void => {
    context.onStep?.(step);
    if (step.step === "auth" && step.ok) announce([first], context);
  };
  const { steps, result } = await diagnose(first.url, {
    ...context,
    onStep,
    args,
    request: { headers, maxBytes: subject.maxBytes },
    timeoutMs: first.timeoutMs,
  });
  if ("error" in result) {
    return { ok: false, steps, profiles: [], ...judgeError(result.error, advisedOf(subject)) };
  }
  const judged = judge(first, result.response, { subject, context });
  const profiles = [judged, ...(await requestAll(others, { subject, context }))];
  return { ...conclude(profiles, subject), steps, profiles };
}

interface Test {
  readonly subject: ProfilesSubject;
  readonly context: TestContext;
}

/** All at once, as a scrape would not mind either: those that profile for a while are waited for together. */
async function requestAll(requests: readonly ProfileRequest[], test: Test): Promise<readonly JudgedProfile[]> {
  const { args, maxBytes } = test.subject;
  const { clock, environment, signal } = test.context;
  announce(requests, test.context);
  const client = createHttpClient({ args, clock, environment });
  const one = async (request: ProfileRequest): Promise<JudgedProfile> => {
    const { url, timeoutMs } = request;
    try {
      return judge(request, await client.request({ method: "GET", url, headers, maxBytes, timeoutMs, signal }), test);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      return failed(request, { error: thrown as HttpError, subject: test.subject });
    }
  };
  try {
    return await Promise.all(requests.map(one));
  } finally {
    client.close();
  }
}

function judge(
  { type, url, isRequired }: ProfileRequest,
  response: HttpResponse,
  { subject, context }: Test,
): JudgedProfile {
  const { maxBytes } = subject;
  const nowMs = context.clock.now();
  const known = { advised: advisedOf(subject), listing: listingOf(subject) };
  return { type, url: maskedUrl(url), ...judgeContent(response, { ...known, url, isRequired, maxBytes, nowMs }) };
}

function failed(
  { type, url }: ProfileRequest,
  { error, subject }: { readonly error: HttpError; readonly subject: ProfilesSubject },
): JudgedProfile {
  const judged = judgeError(error, advisedOf(subject));
  return { type, url: maskedUrl(url), state: "failed", text: error.message, details: [], ...judged };
}

function advisedOf({ component, args }: ProfilesSubject): Advised {
  return { component, args, timeoutArgument: "scrape_timeout" };
}

function listingOf({ component, file = "FILE", process }: ProfilesSubject): string {
  return `agent test ${process}${component === undefined ? "" : ` --config ${shellQuoted(file)} --component ${component}`}`;
}

/** Nobody wonders about less. */
const longMs = 2000;

/** Says what is waited for: a target that profiles for a while answers at its end. */
function announce(requests: readonly ProfileRequest[], { onWait }: TestContext): void {
  const longest = Math.max(...requests.map(({ profiledMs }) => profiledMs));
  if (longest < longMs) return;
  const profiles = requests.filter(({ profiledMs }) => profiledMs >= longMs).map(profileName);
  onWait?.(`Taking a ${profiles.join(", a ")}, ${longest / 1000} s`);
}

function profileName({ type }: ProfileRequest): string {
  // A single URL is of no type.
  if (type === "profile") return type;
  return `${type === "process_cpu" ? "CPU" : type} profile`;
}

/** What all of it means. */
function conclude(
  profiles: readonly JudgedProfile[],
  { process, component }: ProfilesSubject,
): Pick<TestResult, "ok" | "verdict" | "next"> {
  const [only] = profiles;
  const going = component === undefined ? `\`agent --target ${process}\` scrapes it` : undefined;
  if (only && profiles.length === 1) {
    const { state, verdict, next } = only;
    return { ok: state === "ok", verdict, next: next ?? going };
  }
  const working = profiles.filter(({ state }) => state === "ok");
  const bad = profiles.find(({ state }) => state === "failed");
  const count = `${working.length} of ${profiles.length} profile types`;
  if (bad) return { ok: false, verdict: `${count} can be scraped; not ${bad.type}: ${bad.verdict}`, next: bad.next };
  if (working.length === 0)
    return {
      ok: false,
      verdict: "Something answers there, but serves no profiles under /debug/pprof.",
      next: 'import "net/http/pprof" in a Go program, or give the URL of one profile',
    };
  return { ok: true, verdict: `${count} can be scraped${emptyOnes(working)}.`, next: going };
}

function emptyOnes(profiles: readonly JudgedProfile[]): string {
  const names = profiles.filter(({ info }) => info?.samples === 0).map(({ type }) => type);
  return names.length === 0 ? "" : `; no samples yet in ${names.join(", ")}`;
}
