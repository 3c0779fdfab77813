import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AddressInfo, createServer, type Server } from "node:net";
import { gzipSync } from "node:zlib";
import { systemClock } from "../../../src/base/index.ts";
import type { PushOutcome } from "../../../src/pyroscope/write/push-outcome.ts";
import { createPusher } from "../../../src/pyroscope/write/pusher.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import {
  type ConnectCode,
  connectError,
  connectStatus,
  type PushServer,
  type Script,
  startPushServer,
} from "../../support/push-server.ts";
import { endpointArguments } from "./endpoint-arguments.ts";
import { aProfile } from "./profiles.ts";

/** What a server says, and what follows from it: over real HTTP, through the real pusher. */

let server: PushServer;
let raw: Server;
let rawAnswer: RawAnswer;
beforeAll(async () => {
  server = await startPushServer();
  raw = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(rawAnswer.bytes, () => {
        if (rawAnswer.next === "close") socket.end();
        // Later, because a reset takes with it what the client has not read yet.
        else if (rawAnswer.next === "reset") setTimeout(() => socket.resetAndDestroy(), 20);
      });
    });
  });
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await server.close();
  await new Promise((resolve) => raw.close(resolve));
});

/** What no HTTP library would send. */
interface RawAnswer {
  readonly bytes: string;
  readonly next: "close" | "reset" | "stall";
}

async function push(url: string, written: Readonly<Record<string, unknown>> = {}): Promise<PushOutcome> {
  const log = createMemoryLog();
  const args = endpointArguments({ url, ...written });
  const pusher = createPusher(args, { clock: systemClock, userAgent: "pprof-agent/test", log });
  const outcome = await pusher.push(aProfile(), { signal: new AbortController().signal });
  pusher.close();
  return outcome;
}

/** `sent`, `rejected REASON`, or `retryable REASON FAULT [MILLISECONDS asked for]`. */
function decisionOf(outcome: PushOutcome): string {
  if (outcome.outcome === "sent") return "sent";
  if (outcome.outcome === "rejected") return `rejected ${outcome.reason}`;
  const { reason, fault, retryAfterMs } = outcome;
  return ["retryable", reason, fault, ...(retryAfterMs === undefined ? [] : [retryAfterMs])].join(" ");
}

/** The words, but for the port, which is another in every run, and how most begin. */
function wordsOf(outcome: PushOutcome): string {
  if (outcome.outcome === "sent") return "";
  return outcome.message.replaceAll(/127\.0\.0\.1:\d+/g, "HOST").replace(/^Could not push: /, "");
}

const nginx = (status: number, title: string, headers: Readonly<Record<string, string>> = {}): Script => ({
  status,
  headers: { "content-type": "text/html", server: "nginx/1.27.3", ...headers },
  body: `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx/1.27.3</center>\r\n</body>\r\n</html>\r\n`,
});
const text = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Script => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  body,
});
const refused = (words: string): Script => connectError("invalid_argument", words);
const limited = (words: string, headers: Readonly<Record<string, string>> = {}): Script =>
  connectError("resource_exhausted", words, { headers });

const wrongPath = `check the endpoint's url, and that proxies let POST "/push.v1.PusherService/Push" through`;
const wrongUser = "check the endpoint's authentication and its X-Scope-OrgID header";
const wrongUrl = "check the endpoint's url: something else answers there";
const smallerBodies = "raise the limit on the size of requests (nginx: client_max_body_size)";
const smallerMessages = "raise the server's limit on the size of requests";
const tenantsLimit = "raise the tenant's limit in Pyroscope, or scrape less often";
const notTenants = "raise the proxy's limit: it is not the tenant's limit in Pyroscope";
const memory = `profile with labels '{__name__="memory", service_name="shop"}'`;
const window = `${memory} is outside of ingestion window (profile timestamp: 2030-01-01 00:00:00 +0000 UTC, the ingestion window starts at 2030-01-01 02:00:00 +0000 UTC)`;
const tooBig = `the ${memory} exceeds the size limit (max_profile_size_byte, actual: 5242880, limit: 4194304)`;
const tooManySamples = `the ${memory} exceeds the samples count limit (max_profile_stacktrace_samples, actual: 20000, limit: 16000)`;
const tooManyLabels = `the ${memory} exceeds the sample labels limit (max_profile_stacktrace_sample_labels, actual: 120, limit: 100)`;
const tooManyNames = `profile series '{__name__="memory"}' has 31 label names; limit 30`;
const rate = "rate limit (4MiB) exceeded while adding 3MiB";
const seriesLimit = "Maximum active series limit exceeded (5000/5000), reduce the number of active streams";
const login = { status: 301, headers: { location: "https://sso.example/login?next=push" } };
const bomb = new Uint8Array(gzipSync(new Uint8Array(80_000_000)));
const proto = { "content-type": "application/proto" };

type Written = Readonly<Record<string, unknown>>;
type Row = readonly [title: string, reply: Script | undefined, decision: string, words: string, written?: Written];
const rows: readonly Row[] = [
  ["200 and an empty message", undefined, "sent", ""],
  ["200 and a page", { status: 200, headers: { "content-type": "text/html", server: "gunicorn" }, body: "<!doctype html><title>Sign in</title>" }, "retryable not_pyroscope endpoint", `the server (gunicorn) answered 200 "Sign in"; ${wrongUrl}`],
  ["200 and JSON", { status: 200, headers: { "content-type": "application/json" }, body: "{}" }, "retryable not_pyroscope endpoint", `the server answered 200 "{}"; ${wrongUrl}`],
  ["200 and a body without end that unpacks to more", { status: 200, headers: { ...proto, "content-encoding": "gzip" }, body: bomb }, "retryable not_pyroscope endpoint", `The body from "HOST" is larger than the limit of 64KiB; ${wrongUrl}`],
  ["204", { status: 204 }, "retryable not_pyroscope endpoint", `the server answered 204 with nothing in it; ${wrongUrl}`],
  ["301 to a login page", login, "retryable redirects endpoint", `Cannot follow "HOST": it redirects with status 301 to "https://sso.example/login", where a POST would become a GET; configure the final URL, or set follow_redirects = false to see the response`],
  ["301 that must not be followed", login, "retryable not_pyroscope endpoint", `the server answered 301 with nothing in it; turn follow_redirects on, or configure "https://sso.example/login", to which the answer redirects; ${wrongUrl}`, { follow_redirects: false }],
  ["307 in a loop", { status: 307, headers: { location: "/again" } }, "retryable redirects endpoint", `Cannot follow "HOST": it redirects in a loop, back to "http://HOST/again"; configure the final URL, or set follow_redirects = false to see the response`],
  ["400, outside of the window", refused(window), "rejected invalid", `the server answered 400 invalid_argument "${window}"`],
  ["400, too large a profile", refused(tooBig), "rejected invalid", `the server answered 400 invalid_argument "${tooBig}"`],
  ["400, too many samples", refused(tooManySamples), "rejected invalid", `the server answered 400 invalid_argument "${tooManySamples}"`],
  ["400, too many labels of a sample", refused(tooManyLabels), "rejected invalid", `the server answered 400 invalid_argument "${tooManyLabels}"`],
  ["400, too many labels of the series", refused(tooManyNames), "rejected invalid", `the server answered 400 invalid_argument "${tooManyNames.replace("; ", ";\u00a0")}"`],
  ["400, a label too long", refused(`${memory} has label value too long: 'x'`), "rejected invalid", `the server answered 400 invalid_argument "${memory} has label value too long: 'x'"`],
  ["400, a malformed profile", refused("function id is 0"), "rejected invalid", `the server answered 400 invalid_argument "function id is 0"`],
  ["400 in plain text", text(400, "bad request\n"), "rejected invalid", `the server answered 400 "bad request"`],
  ["400 by a proxy", nginx(400, "Bad Request"), "retryable not_pyroscope unclear", `a proxy in between (nginx/1.27.3) answered 400 "400 Bad Request"; ${wrongUrl}`],
  ["400 by a proxy that speaks TLS", nginx(400, "The plain HTTP request was sent to HTTPS port"), "retryable not_pyroscope unclear", `a proxy in between (nginx/1.27.3) answered 400 "400 The plain HTTP request was sent to HTTPS port"; the port speaks TLS: set the scheme to https; ${wrongUrl}`],
  ["401 without a tenant", connectError("unauthenticated", "no org id"), "retryable unauthorized endpoint", `the server answered 401 unauthenticated "no org id"; ${wrongUser}`],
  ["401 in plain text", text(401, "no org id\n"), "retryable unauthorized endpoint", `the server answered 401 "no org id"; ${wrongUser}`],
  ["401 by a proxy", nginx(401, "Authorization Required"), "retryable unauthorized endpoint", `a proxy in between (nginx/1.27.3) answered 401 "401 Authorization Required"; ${wrongUser}`],
  ["403 by a proxy", nginx(403, "Forbidden"), "retryable unauthorized endpoint", `a proxy in between (nginx/1.27.3) answered 403 "403 Forbidden"; ${wrongUser}`],
  ["404 by a proxy", nginx(404, "Not Found"), "retryable not_found endpoint", `a proxy in between (nginx/1.27.3) answered 404 "404 Not Found"; ${wrongPath}`],
  ["404 by another Go program", text(404, "404 page not found\n"), "retryable not_found endpoint", `the server answered 404 "404 page not found"; ${wrongPath}`],
  ["405", text(405, "Method Not Allowed\n"), "retryable not_found endpoint", `the server answered 405 "Method Not Allowed"; ${wrongPath}`],
  ["407", nginx(407, "Proxy Authentication Required"), "retryable unauthorized endpoint", `a proxy in between (nginx/1.27.3) answered 407 "407 Proxy Authentication Required"; ${wrongUser}`],
  ["408", { status: 408 }, "retryable deadline unclear", "the server answered 408 with nothing in it"],
  ["413 by a proxy", nginx(413, "Request Entity Too Large"), "rejected too_large", `a proxy in between (nginx/1.27.3) answered 413 "413 Request Entity Too Large"; ${smallerBodies}`],
  ["413 by the server", connectError("resource_exhausted", "message size 300000000 is larger than configured max 268435456", { status: 413 }), "rejected too_large", `the server answered 413 resource_exhausted "message size 300000000 is larger than configured max 268435456"; ${smallerMessages}`],
  ["413 in plain text", text(413, "http: request body too large\n"), "rejected too_large", `the server answered 413 "http: request body too large"; ${smallerBodies}`],
  ["422 resource_exhausted, as older servers answer", connectError("resource_exhausted", rate, { status: 422 }), "retryable rate_limited unclear", `the server answered 422 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["422 in plain text", text(422, "unprocessable"), "rejected invalid", `the server answered 422 "unprocessable"`],
  ["429, the tenant's rate", limited(rate), "retryable rate_limited unclear", `the server answered 429 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["429, the tenant's series", limited(seriesLimit), "retryable rate_limited unclear", `the server answered 429 resource_exhausted "${seriesLimit}"; ${tenantsLimit}`],
  ["429 with Retry-After in seconds", limited(rate, { "retry-after": "7" }), "retryable rate_limited unclear 7000", `the server answered 429 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["429 with a Retry-After of a day", limited(rate, { "retry-after": "86400" }), "retryable rate_limited unclear 600000", `the server answered 429 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["429 until a date by the server's own clock", limited(rate, { date: "Tue, 01 Jan 2030 00:00:00 GMT", "retry-after": "Tue, 01 Jan 2030 00:00:30 GMT" }), "retryable rate_limited unclear 30000", `the server answered 429 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["429 until a date that has passed", limited(rate, { "retry-after": "Tue, 01 Jan 2019 00:00:00 GMT" }), "retryable rate_limited unclear", `the server answered 429 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["429 by a proxy", nginx(429, "Too Many Requests", { "retry-after": "7" }), "retryable rate_limited unclear 7000", `a proxy in between (nginx/1.27.3) answered 429 "429 Too Many Requests"; ${notTenants}`],
  ["429 by a proxy with a name that nobody should read", nginx(429, "Too Many Requests", { server: `<b>${"x".repeat(80)}` }), "retryable rate_limited unclear", `a proxy in between answered 429 "429 Too Many Requests"; ${notTenants}`],
  ["429 in plain text", text(429, "local_rate_limited", { server: "envoy" }), "retryable rate_limited unclear", `the server (envoy) answered 429 "local_rate_limited"`],
  ["429 where it is not to be retried", limited(rate), "rejected rate_limited", `the server answered 429 resource_exhausted "${rate}"; ${tenantsLimit}`, { retry_on_http_429: false }],
  ["429 by a proxy where it is not to be retried", nginx(429, "Too Many Requests"), "rejected rate_limited", `a proxy in between (nginx/1.27.3) answered 429 "429 Too Many Requests"; ${notTenants}`, { retry_on_http_429: false }],
  ["422 resource_exhausted where it is not to be retried", connectError("resource_exhausted", rate, { status: 422 }), "rejected rate_limited", `the server answered 422 resource_exhausted "${rate}"; ${tenantsLimit}`, { retry_on_http_429: false }],
  ["499", connectError("canceled", "context canceled"), "retryable deadline unclear", `the server answered 499 canceled "context canceled"`],
  ["500 unknown while ingesters are away", connectError("unknown", "at least 1 live replicas required, could only find 0"), "retryable server_error unclear", `the server answered 500 unknown "at least 1 live replicas required, could only find 0"`],
  ["500 with resource_exhausted", connectError("resource_exhausted", rate, { status: 500 }), "retryable rate_limited unclear", `the server answered 500 resource_exhausted "${rate}"; ${tenantsLimit}`],
  ["500 with invalid_argument", connectError("invalid_argument", "no", { status: 500 }), "rejected invalid", `the server answered 500 invalid_argument "no"`],
  ["500 by a proxy", nginx(500, "Internal Server Error"), "retryable server_error unclear", `a proxy in between (nginx/1.27.3) answered 500 "500 Internal Server Error"`],
  ["500 and a body that is packed", { status: 500, headers: { "content-encoding": "gzip" }, body: bomb }, "retryable server_error unclear", "the server answered 500 with something that is no text"],
  ["500 and nothing", { status: 500 }, "retryable server_error unclear", "the server answered 500 with nothing in it"],
  ["501", nginx(501, "Not Implemented"), "retryable not_found endpoint", `a proxy in between (nginx/1.27.3) answered 501 "501 Not Implemented"; ${wrongPath}`],
  ["502 by a proxy", nginx(502, "Bad Gateway"), "retryable unavailable unclear", `a proxy in between (nginx/1.27.3) answered 502 "502 Bad Gateway"`],
  ["503 by a proxy with Retry-After", nginx(503, "Service Temporarily Unavailable", { "retry-after": "30" }), "retryable unavailable unclear 30000", `a proxy in between (nginx/1.27.3) answered 503 "503 Service Temporarily Unavailable"`],
  ["503 in plain text", text(503, "no healthy upstream", { server: "envoy" }), "retryable unavailable unclear", `the server (envoy) answered 503 "no healthy upstream"`],
  ["503 by the server", connectError("unavailable", "starting"), "retryable unavailable unclear", `the server answered 503 unavailable "starting"`],
  ["504 by a proxy", nginx(504, "Gateway Time-out"), "retryable deadline unclear", `a proxy in between (nginx/1.27.3) answered 504 "504 Gateway Time-out"`],
  ["507", { status: 507 }, "retryable unavailable unclear", "the server answered 507 with nothing in it"],
  ["a code that is none", { status: 400, body: '{"code":"shrug","message":"hm"}' }, "rejected invalid", `the server answered 400 "{"code":"shrug","message":"hm"}"`],
  ["control characters", text(500, "a\u001b[31mred\r\nb"), "retryable server_error unclear", `the server answered 500 "a [31mred b"`],
  ["silence", "stall", "retryable timeout unclear", `No answer from "HOST" within 50ms: connected, but no response came`, { remote_timeout: "50ms" }],
  ["a reset", "reset", "retryable reset unclear", `No answer from "HOST": it closed the connection; check whether the process restarted, or the port speaks https`],
]; // biome-ignore format: rows

const accepted = "HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 10\r\n\r\nabc";
const cutError = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{"code":"invalid_argument","mess';
type RawRow = readonly [title: string, answer: RawAnswer, decision: string, words: string];
const rawRows: readonly RawRow[] = [
  ["200 and a body that is cut", { bytes: accepted, next: "close" }, "retryable truncated unclear", `The body from "HOST" ended early: 3 bytes came, 10 were announced`],
  ["200 and a reset in the body", { bytes: accepted, next: "reset" }, "retryable reset unclear", `Lost the connection to "HOST" after 3 bytes of the body`],
  ["200 and a body that does not end", { bytes: accepted, next: "stall" }, "retryable timeout unclear", `The body from "HOST" was not complete within 200ms: 3 bytes had come`],
  ["400 and a body that is cut", { bytes: cutError, next: "close" }, "rejected invalid", `the server answered 400 "{"code":"invalid_argument","mess"`],
  ["another protocol", { bytes: "SSH-2.0-OpenSSH_9.9\r\n", next: "close" }, "retryable protocol endpoint", `The answer from "HOST" is not HTTP but begins with "SSH-2.0-OpenSSH_9.9"; check that this is the right port`],
  ["a closed connection", { bytes: "", next: "close" }, "retryable reset unclear", `No answer from "HOST": it closed the connection; check whether the process restarted, or the port speaks https`],
]; // biome-ignore format: rows

const codes: Readonly<Record<ConnectCode, string>> = {
  canceled: "retryable deadline unclear",
  unknown: "retryable server_error unclear",
  invalid_argument: "rejected invalid",
  deadline_exceeded: "retryable deadline unclear",
  not_found: "retryable not_found endpoint",
  already_exists: "rejected invalid",
  permission_denied: "retryable unauthorized endpoint",
  resource_exhausted: "retryable rate_limited unclear",
  failed_precondition: "rejected invalid",
  aborted: "retryable server_error unclear",
  out_of_range: "rejected invalid",
  unimplemented: "retryable not_found endpoint",
  internal: "retryable server_error unclear",
  unavailable: "retryable unavailable unclear",
  data_loss: "retryable server_error unclear",
  unauthenticated: "retryable unauthorized endpoint",
};

describe("a push that is answered with", () => {
  test.each(rows)("%s", async (_, reply, decision, words, written = {}) => {
    server.replyWith(reply);
    const outcome = await push(server.url, written);
    expect([decisionOf(outcome), wordsOf(outcome)]).toEqual([decision, words]);
  });

  test.each(rawRows)("%s", async (_, answer, decision, words) => {
    rawAnswer = answer;
    const outcome = await push(`http://127.0.0.1:${(raw.address() as AddressInfo).port}`, { remote_timeout: "200ms" });
    expect([decisionOf(outcome), wordsOf(outcome)]).toEqual([decision, words]);
  });

  test.each(Object.entries(codes))(
    "the Connect code %s, with its own status and under a gateway's",
    async (code, decision) => {
      for (const status of [connectStatus[code as ConnectCode], 418]) {
        server.replyWith(connectError(code as ConnectCode, "why", { status }));
        const outcome = await push(server.url);
        expect(decisionOf(outcome)).toBe(decision);
        expect(wordsOf(outcome)).toStartWith(`the server answered ${status} ${code} "why"`);
      }
    },
  );

  test("429 until a date waits until then by this box's clock where the server tells no time", async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    rawAnswer = { bytes: `HTTP/1.1 429 Too Many\r\nretry-after: ${date}\r\ncontent-length: 0\r\n\r\n`, next: "close" };
    const outcome = await push(`http://127.0.0.1:${(raw.address() as AddressInfo).port}`);
    const waitMs = outcome.outcome === "retryable" ? outcome.retryAfterMs : undefined;
    expect(waitMs).toBeGreaterThan(80_000);
    expect(waitMs).toBeLessThanOrEqual(91_000);
  });

  test("more words than 2 KiB keeps the first 2 KiB of the body", async () => {
    server.replyWith(
      connectError("resource_exhausted", `over the limit for {a="${"x".repeat(3000)}"}`, { status: 422 }),
    );
    const outcome = await push(server.url);
    expect(decisionOf(outcome)).toBe("retryable rate_limited unclear");
    expect(wordsOf(outcome)).toStartWith('the server answered 422 resource_exhausted "over the limit for {a="xxx');
    expect(wordsOf(outcome).length).toBeGreaterThan(1900);
    expect(wordsOf(outcome).length).toBeLessThan(2200);
  });

  test("nothing, because nobody listens", async () => {
    const gone = await startPushServer();
    await gone.close();
    expect(decisionOf(await push(gone.url))).toBe("retryable refused endpoint");
  });
});
