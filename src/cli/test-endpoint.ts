import { splitHint } from "../base/index.ts";
import { type HttpArguments, diagnose } from "../http/index.ts";
import { judgeTestPush, tenantOf, testPush } from "../pyroscope/write/index.ts";
import { userAgent } from "../version.ts";
import { judgeError } from "./test-advice.ts";
import type { TestContext } from "./test-profiles.ts";
import type { Judgement, TestResult } from "./test-result.ts";
import type { EndpointSubject } from "./test-subjects.ts";

/** Sends an empty push, of which a server stores nothing, and takes it apart. */
export async function testEndpoint(
  { component, endpoint, timeoutMs }: EndpointSubject,
  context: TestContext,
): Promise<TestResult> {
  const { url, ...request } = testPush(endpoint, userAgent);
  const args: HttpArguments = endpoint;
  const { steps, result } = await diagnose(url, { ...context, args, request, timeoutMs });
  if ("error" in result) {
    const advised = { component, args, timeoutArgument: "remote_timeout" } as const;
    return { ok: false, steps, profiles: [], ...judgeError(result.error, advised) };
  }
  const { ok, text } = judgeTestPush(result.response, context.clock.now());
  const tenant = tenantOf(endpoint);
  const as = tenant === undefined ? "without a tenant" : `as tenant "${tenant}"`;
  const { what, hint } = splitHint(text);
  const push: Judgement = {
    state: ok ? "ok" : "failed",
    text,
    details: [],
    verdict: ok ? `Pyroscope answers there ${as}; pushes will be taken.` : `${what}.`,
    next: ok ? undefined : (hint ?? "look at the log of the server"),
  };
  return { ok, steps, profiles: [], push, verdict: push.verdict, next: push.next };
}
