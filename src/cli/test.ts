import process from "node:process";
import { systemClock } from "../base/index.ts";
import { ConfigError } from "../config/index.ts";
import { exitCodes, type Run } from "./command.ts";
import type { CliIo } from "./io.ts";
import { jsonText } from "./json-text.ts";
import { reportProblems } from "./load.ts";
import { testEndpoint } from "./test-endpoint.ts";
import { type TestContext, testProfiles } from "./test-profiles.ts";
import { formatResult, formatStep, formatTitle, resultToJson } from "./test-report.ts";
import type { TestResult } from "./test-result.ts";
import { type Subject, subjectsOf } from "./test-subjects.ts";

/** `agent test`: makes the requests that a scrape or a push would make, once, and says what came of every step. */
export const test: Run = async (line, io) => {
  const json = line.flags.has("json");
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once("SIGINT", interrupt);
  try {
    const subjects = await subjectsOf(line, io);
    const results = await testAll(subjects, { io, json, signal: interrupted.signal });
    const ok = results.every((result) => result.ok);
    if (json) io.out(`${jsonText({ ok, tests: results.map(({ asJson }) => asJson) })}\n`);
    return ok ? exitCodes.ok : exitCodes.failure;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    reportProblems(thrown, io, { json });
    return exitCodes.failure;
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
};

interface TestOptions {
  readonly io: CliIo;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** One after the other, so that what is shown can be read while it comes. */
async function testAll(subjects: readonly Subject[], { io, json, signal }: TestOptions) {
  const show = (text: string): void => (json ? undefined : io.out(text));
  const results: { readonly ok: boolean; readonly asJson: unknown }[] = [];
  for (const subject of subjects) {
    if (results.length > 0) show("\n");
    show(formatTitle(subject));
    const result = await testOne(subject, {
      clock: systemClock,
      environment: io.env,
      signal,
      onStep: (step) => show(formatStep(step)),
      onWait: (sentence) => io.err(`${sentence}\n`),
    });
    show(formatResult(result));
    results.push({ ok: result.ok, asJson: resultToJson(subject, result) });
    if (signal.aborted) break;
  }
  return results;
}

function testOne(subject: Subject, context: TestContext): Promise<TestResult> {
  return subject.what === "endpoint" ? testEndpoint(subject, context) : testProfiles(subject, context);
}
