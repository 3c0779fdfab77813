import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { AgentError, systemClock } from "../../../src/base/index.ts";
import type { HttpError } from "../../../src/http/index.ts";
import type { Labels, Profile } from "../../../src/model/index.ts";
import { classifyReply } from "../../../src/pyroscope/write/classify-reply.ts";
import type { PushOutcome, Retryable } from "../../../src/pyroscope/write/push-outcome.ts";
import { createPusher } from "../../../src/pyroscope/write/pusher.ts";
import { connectError, htmlPage, type PushServer, type Script, startPushServer } from "../../support/push-server.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { endpointArguments } from "./endpoint-arguments.ts";
import { aProfile } from "./profiles.ts";

let server: PushServer;
beforeAll(async () => {
  server = await startPushServer();
});
afterAll(() => server.close());

function aPusher(written: Readonly<Record<string, unknown>>, log = createMemoryLog()) {
  return createPusher(endpointArguments(written), { clock: systemClock, userAgent: "pprof-agent/test", log });
}

async function push(written: Readonly<Record<string, unknown>>): Promise<PushOutcome> {
  const pusher = aPusher(written);
  const outcome = await pusher.push(aProfile(), new AbortController().signal);
  pusher.close();
  return outcome;
}

const soon = { "retry-after": "7" };
const garbage = Buffer.from([0, 27, 91, 51, 49, 109, 255, 254, 10, 200]);
const label = "x".repeat(3000);

type Row = readonly [title: string, script: Script, expected: string, message: string];
/** Expected: outcome, reason, and of a retryable one whose fault it is and how long the server asked to be left alone. */
const replies: readonly Row[] = [
  ["200 by the rules", () => undefined, "sent", ""],
  ["200 with HTML", 200, "retryable not_pyroscope endpoint", "something else answers there"],
  ["200 with JSON", { status: 200, headers: { "content-type": "application/json" }, body: "{}" }, "retryable not_pyroscope endpoint", '200 "{}"'],
  ["200 with a large page", { status: 200, headers: { "content-type": "text/html" }, body: "x".repeat(100_000) }, "retryable not_pyroscope endpoint", "something else answers there"],
  ["204", { status: 204 }, "retryable not_pyroscope endpoint", "answered 204"],
  ["400 invalid_argument", connectError("invalid_argument", "profile is too old"), "rejected invalid", '400 invalid_argument "profile is too old"'],
  ["400 by a proxy", 400, "rejected invalid", "<title>400</title>"],
  ["401", connectError("unauthenticated", "no org id"), "retryable unauthorized endpoint", 'check the endpoint\'s authentication and its X-Scope-OrgID header'],
  ["401 by a proxy", 401, "retryable unauthorized endpoint", "check the endpoint's authentication"],
  ["403", connectError("permission_denied", "not yours"), "retryable unauthorized endpoint", '403 permission_denied "not yours"'],
  ["404", 404, "retryable not_found endpoint", 'let POST "/push.v1.PusherService/Push" through'],
  ["405", 405, "retryable not_found endpoint", "check the endpoint's url"],
  ["407", 407, "retryable unauthorized endpoint", "answered 407"],
  ["408", 408, "retryable deadline unclear", "answered 408"],
  ["409 aborted", connectError("aborted", "again"), "retryable server_error unclear", "again"],
  ["413 by a proxy", 413, "rejected too_large", "nginx: client_max_body_size"],
  ["413 whatever its body says", connectError("resource_exhausted", "body", { status: 413 }), "rejected too_large", "body"],
  ["422", { status: 422, body: "nope" }, "rejected invalid", '422 "nope"'],
  ["422 with resource_exhausted", connectError("resource_exhausted", "rate", { status: 422 }), "retryable rate_limited unclear", "rate"],
  ["429 with Retry-After in seconds", connectError("resource_exhausted", "rate", { headers: soon }), "retryable rate_limited unclear 7000", "rate"],
  ["429 without Retry-After", connectError("resource_exhausted", "rate"), "retryable rate_limited unclear", "rate"],
  ["429 by a proxy", htmlPage(429, soon), "retryable rate_limited unclear 7000", "<title>429</title>"],
  ["499", connectError("canceled", "client left"), "retryable deadline unclear", "client left"],
  ["500 unknown", connectError("unknown", "at least 1 live replicas required"), "retryable server_error unclear", "at least 1 live replicas required"],
  ["500 with resource_exhausted", connectError("resource_exhausted", "rate", { status: 500 }), "retryable rate_limited unclear", "rate"],
  ["500 with invalid_argument", connectError("invalid_argument", "no", { status: 500 }), "rejected invalid", "no"],
  ["501", 501, "retryable not_found endpoint", "check the endpoint's url"],
  ["502 by a proxy", 502, "retryable unavailable unclear", "<title>502</title>"],
  ["503 by a proxy with Retry-After", htmlPage(503, soon), "retryable unavailable unclear 7000", "<title>503</title>"],
  ["503 unavailable", connectError("unavailable", "starting"), "retryable unavailable unclear", "starting"],
  ["504 by a proxy", 504, "retryable deadline unclear", "<title>504</title>"],
  ["507", 507, "retryable unavailable unclear", "answered 507"],
  ["a code that is none", { status: 400, body: '{"code":"shrug","message":"hm"}' }, "rejected invalid", "shrug"],
  ["a body of garbage", { status: 500, body: garbage }, "retryable server_error unclear", "answered 500"],
  ["no body", { status: 500 }, "retryable server_error unclear", 'answered 500 ""'],
  ["an error longer than the client reads", connectError("resource_exhausted", `over the limit for {a="${label}"}`, { status: 422 }), "retryable rate_limited unclear", 'resource_exhausted "over the limit for {a="xxx'],
  ["a reset", "reset", "retryable reset unclear", ""],
]; // biome-ignore format: rows

describe("a push that is answered with", () => {
  test.each(replies)("%s", async (_, script, expected, message) => {
    server.replyWith(script);
    const outcome = await push({ url: server.url });
    expect(told(outcome)).toBe(expected);
    if (outcome.outcome === "sent") return;
    expect(outcome.message).toContain(message);
    // oxlint-disable-next-line no-control-regex -- that none is there is what is tested
    expect(outcome.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(outcome.message.length).toBeLessThan(800);
  });

  test("429 and a date waits until then", async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    server.replyWith(connectError("resource_exhausted", "rate", { headers: { "retry-after": date } }));
    const outcome = await push({ url: server.url });
    expect((outcome as Retryable).retryAfterMs).toBeGreaterThan(80_000);
    expect((outcome as Retryable).retryAfterMs).toBeLessThanOrEqual(91_000);
  });

  test.each([
    connectError("resource_exhausted", "rate"),
    htmlPage(429),
    connectError("resource_exhausted", "r", { status: 422 }),
  ])("a rate limit is final where retry_on_http_429 is false: %o", async (reply) => {
    server.replyWith(reply);
    expect(told(await push({ url: server.url, retry_on_http_429: false }))).toBe("rejected rate_limited");
  });

  test("nothing within remote_timeout is a timeout", async () => {
    server.replyWith("stall");
    expect(told(await push({ url: server.url, remote_timeout: "30ms" }))).toBe("retryable timeout unclear");
  });

  test("a redirect that is not followed is not Pyroscope's", async () => {
    server.replyWith({ status: 302, headers: { location: "/login" } });
    const outcome = await push({ url: server.url, follow_redirects: false });
    expect(told(outcome)).toBe("retryable not_pyroscope endpoint");
  });

  test("nothing, because nobody listens, is the endpoint's fault", async () => {
    const gone = await startPushServer();
    await gone.close();
    expect(told(await push({ url: gone.url }))).toBe("retryable refused endpoint");
  });

  test("something that is not HTTP does not reject", () => {
    const error: HttpError = new AgentError("protocol", "bad chunk");
    const outcome = classifyReply(
      { error },
      {
        retryRateLimited: true,
        nowMs: 0,
      },
    );
    expect(told(outcome)).toBe("retryable protocol endpoint");
  });
});

describe("what nobody foresaw", () => {
  /** Fails where its labels are framed. */
  const defective: Profile = {
    ...aProfile(),
    get labels(): Labels {
      throw new TypeError("a defect");
    },
  };

  test("is an outcome of its own, to be retried, and one line in the log, with its first profile", async () => {
    const log = createMemoryLog();
    const pusher = aPusher({ url: "http://127.0.0.1:9", name: "main" }, log);
    for (let count = 0; count < 3; count++)
      expect(await pusher.push(defective, new AbortController().signal)).toEqual({
        outcome: "retryable",
        reason: "internal",
        fault: "unclear",
        message: "Could not push: a defect; this is a defect of the agent: please report it",
      });
    expect(log.lines).toMatchObject([{ level: "error", fields: { endpoint: "main", id: defective.id } }]);
    expect(String(log.lines[0]?.fields["err"])).toContain("a defect");
  });

  test("does not pass for a reply of the transport, whatever its reason is", async () => {
    const strange: Profile = {
      ...aProfile(),
      get labels(): Labels {
        throw new AgentError("toString", "a defect");
      },
    };
    const outcome = await aPusher({ url: "http://127.0.0.1:9" }).push(strange, new AbortController().signal);
    expect(told(outcome)).toBe("retryable internal unclear");
  });
});

function told(outcome: PushOutcome): string {
  if (outcome.outcome !== "retryable") return Object.values(outcome).slice(0, 2).join(" ");
  const { reason, fault, retryAfterMs } = outcome;
  return ["retryable", reason, fault, ...(retryAfterMs === undefined ? [] : [retryAfterMs])].join(" ");
}
