import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits, Secret } from "../../src/base/index.ts";
import { createHttpClient, type HttpArguments, type HttpClient, type HttpResponse } from "../../src/http/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";
import { failure, listen, until } from "./client-under-test.ts";
import { startTokenServer, token, type TokenServer } from "./token-server.ts";

let folder: string;
let path: string;
let clock: FakeClock;
let log: MemoryLog;
let client: HttpClient | undefined;
let url: string;
let closeTarget: () => void;
/** The Authorization headers that the target got, in order. */
let seen: (string | undefined)[];
/** Those it takes; all where it is undefined. */
let accepted: string | undefined;
/** Runs between a request and its answer. */
let beforeAnswer: () => void;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "credentials-"));
  path = join(folder, "secret");
  clock = new FakeClock();
  log = createMemoryLog();
  seen = [];
  accepted = undefined;
  beforeAnswer = () => {};
  const target = http.createServer(({ headers }, response) => {
    seen.push(headers.authorization);
    beforeAnswer();
    response.writeHead(accepted === undefined || headers.authorization === accepted ? 200 : 401).end();
  });
  const { port, close } = await listen(target);
  [url, closeTarget] = [`http://127.0.0.1:${port}/`, close];
});
afterEach(() => {
  client?.close();
  closeTarget();
  rmSync(folder, { recursive: true });
  expect(clock.pending, "no deadline outlives its request").toBe(0);
});

const never = new AbortController().signal;

/** Makes the client of this test, and the function that sends one request with it. */
function requester(args: HttpArguments): () => Promise<HttpResponse> {
  const made = createHttpClient({ args, clock, log });
  client = made;
  return () => made.request({ method: "GET", url, maxBytes: 1000, timeoutMs: 5000, signal: never });
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

describe("the Authorization header", () => {
  const inline: [name: string, args: HttpArguments, header: string | undefined][] = [
    ["no argument", {}, undefined],
    ["basic_auth", { basic_auth: { username: "ann", password: new Secret(" p:ä ") } }, basic("ann: p:ä ")],
    ["basic_auth without a user", { basic_auth: { password: new Secret("p") } }, basic(":p")],
    ["basic_auth without a password", { basic_auth: { username: "ann" } }, basic("ann:")],
    ["bearer_token", { bearer_token: new Secret("t") }, "Bearer t"],
    ["authorization", { authorization: { type: " Token ", credentials: new Secret("t") } }, "Token t"],
    ["authorization with an empty type", { authorization: { type: "", credentials: new Secret("t") } }, "Bearer t"],
    ["authorization without credentials", { authorization: { type: "Bearer" } }, "Bearer"],
  ];
  test.each(inline)("of %s is made of what was written", async (_, args, header) => {
    await requester(args)();
    expect(seen).toEqual([header]);
  });

  const files: [name: string, argsOf: (path: string) => HttpArguments, headerOf: (secret: string) => string][] = [
    ["password_file", (file) => ({ basic_auth: { username: "ann", password_file: file } }), (s) => basic(`ann:${s}`)],
    ["bearer_token_file", (file) => ({ bearer_token_file: file }), (s) => `Bearer ${s}`],
    ["credentials_file", (file) => ({ authorization: { type: "Token", credentials_file: file } }), (s) => `Token ${s}`],
  ];
  test.each(files)("of %s follows the file, without the white space around", async (_, argsOf, headerOf) => {
    writeFileSync(path, "\ufeff one\r\n");
    const send = requester(argsOf(path));
    await send();
    writeFileSync(path, "two");
    await send();
    expect(seen).toEqual([headerOf("one"), headerOf("two")]);
  });

  test.each([
    ["one\ntwo", "it holds more than one line; write nothing but the secret into it"],
    ["o\u0000n\u0000e", "it holds a character that is no text; write the secret into it as UTF-8"],
    [Buffer.from([0xff, 0xfe, 0x6f]), "it holds a character that is no text; write the secret into it as UTF-8"],
    ["x".repeat(limits.secretFileBytes + 1), "it is larger than the limit of 65536 bytes; check the path"],
  ])("cannot be made of a file that holds %j", async (content, cause) => {
    writeFileSync(path, content);
    const failed = await failure(requester({ bearer_token_file: path })());
    expect(failed).toEqual({
      reason: "credentials",
      message: `Cannot read the bearer token from "${path}": ${cause}`,
    });
    expect(seen).toEqual([]);
  });
});

describe("a server's 401", () => {
  test("to an inline secret is the answer, asked for once", async () => {
    accepted = "Bearer other";
    expect((await requester({ bearer_token: new Secret("t") })()).status).toBe(401);
    expect(seen).toHaveLength(1);
  });

  test("to a file's secret is the answer where the file is still the same", async () => {
    writeFileSync(path, "one");
    accepted = "Bearer other";
    expect((await requester({ bearer_token_file: path })()).status).toBe(401);
    expect(seen).toHaveLength(1);
  });

  test("that crosses the file's rotation is followed by the new secret", async () => {
    writeFileSync(path, "one");
    const send = requester({ bearer_token_file: path });
    await send();
    accepted = "Bearer two";
    beforeAnswer = () => {
      writeFileSync(`${path}.new`, "two");
      renameSync(`${path}.new`, path);
    };
    expect((await send()).status).toBe(200);
    expect(seen).toEqual(["Bearer one", "Bearer one", "Bearer two"]);
  });
});

describe("OAuth2 behind an HTTP client", () => {
  let server: TokenServer;
  let send: () => Promise<HttpResponse>;
  beforeEach(async () => {
    server = await startTokenServer();
    const oauth2 = { client_id: "a", client_secret: new Secret("s"), token_url: server.url };
    send = requester({ oauth2: { ...oauth2, proxy_from_environment: false } });
  });
  afterEach(() => server.close());

  test("fails with what the token server said where a revoked token cannot be replaced", async () => {
    server.reply = (_, number) =>
      number === 0 ? { body: token(0) } : { status: 400, body: { error: "unauthorized_client" } };
    await send();
    accepted = "nobody";
    const { reason, message } = await failure(send());
    expect(reason).toBe("credentials");
    expect(message).toContain('it answered 400 with "unauthorized_client"; check client_id');
  });

  test("sends one token with every request", async () => {
    await Promise.all(Array.from({ length: 50 }, send));
    expect(new Set(seen)).toEqual(new Set(["Bearer token-0"]));
    expect(server.requests).toHaveLength(1);
  });

  test("gets over a token that was revoked without a failed request", async () => {
    await send();
    accepted = "Bearer token-1";
    const statuses = await Promise.all(Array.from({ length: 10 }, send));
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(server.requests).toHaveLength(2);
  });

  test("asks for a token at most every 30 s for a target that takes none", async () => {
    accepted = "Bearer of another";
    for (let second = 0; second < 60; second++) {
      expect((await send()).status).toBe(401);
      await clock.advance(1000);
    }
    expect(server.requests).toHaveLength(3);
  });

  test("gives up a request at its deadline, and the token comes for the next one", async () => {
    let answer: (() => void) | undefined;
    server.reply = (_, number) => new Promise((resolve) => (answer = () => resolve({ body: token(number) })));
    const waiting = failure(send());
    await until(() => answer !== undefined);
    await clock.advance(5000);
    expect((await waiting).reason).toBe("timeout");
    const next = send();
    answer?.();
    expect((await next).status).toBe(200);
    expect(server.requests).toHaveLength(1);
  });

  test("fails nowhere but in requests when the token request that they gave up fails in the end", async () => {
    let answer: (() => void) | undefined;
    server.reply = () => new Promise((resolve) => (answer = () => resolve({ status: 503, body: "down" })));
    const waiting = failure(send());
    await until(() => answer !== undefined);
    await clock.advance(5000);
    expect((await waiting).reason).toBe("timeout");
    answer?.();
    await until(() => clock.pending === 0);
    const failed = await failure(send());
    expect(failed.reason).toBe("credentials");
    expect(failed.message).toContain('it answered 503 with "down"');
    expect(seen).toEqual([]);
  });
});
