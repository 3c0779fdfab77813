import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OAuth2Server } from "oauth2-mock-server";
import { failure, until } from "./client-under-test.ts";
import { oauth2UnderTest } from "./oauth2-under-test.ts";
import { token } from "./token-server.ts";

const oauth2 = oauth2UnderTest();

describe("an OAuth2 token", () => {
  const answers: [name: string, body: unknown, header: string][] = [
    ["of type bearer", { access_token: "t", token_type: "bearer" }, "Bearer t"],
    ["of type BEARER", { access_token: "t", token_type: "BEARER" }, "Bearer t"],
    ["of another type", { access_token: "t", token_type: "DPoP-like" }, "DPoP-like t"],
    ["without a type", { access_token: "t" }, "Bearer t"],
    ["with nulls", { access_token: "t", token_type: null, expires_in: null, scope: null, error: null }, "Bearer t"],
    ["with an id token", { access_token: "t", token_type: "bearer", id_token: "no.jwt" }, "Bearer t"],
    ["with a lifetime in quotes", { access_token: "t", token_type: "bearer", expires_in: "60" }, "Bearer t"],
    ["in a form", "access_token=t&token_type=bearer&expires_in=60", "Bearer t"],
  ];
  test.each(answers)("%s is taken", async (_, body, header) => {
    oauth2.server.reply = () => ({ body, headers: { "Content-Type": "text/plain" } });
    expect(await oauth2.credentials().authorization()).toBe(header);
  });

  test("is taken from any success", async () => {
    oauth2.server.reply = () => ({ status: 201, body: token(0) });
    expect(await oauth2.credentials().authorization()).toBe("Bearer token-0");
  });

  test("is fetched once for 50 callers", async () => {
    const it = oauth2.credentials();
    const all = await Promise.all(Array.from({ length: 50 }, () => it.authorization()));
    expect(new Set(all)).toEqual(new Set(["Bearer token-0"]));
    expect(oauth2.server.requests).toHaveLength(1);
  });

  test("lasts for ever where the server does not say how long", async () => {
    oauth2.server.reply = (_, number) => ({ body: { access_token: `token-${number}`, token_type: "bearer" } });
    const it = oauth2.credentials();
    await it.authorization();
    await oauth2.seconds(1e9);
    expect(await it.authorization()).toBe("Bearer token-0");
    expect(oauth2.server.requests).toHaveLength(1);
  });

  const renewals: [lifetime: number, early: number][] = [
    [3600, 60],
    [300, 30],
    [60, 10],
    [8, 4],
  ];
  test.each(renewals)("that lasts %d s is renewed in the background %d s early", async (lifetime, early) => {
    oauth2.server.reply = (_, number) => ({ body: token(number, lifetime) });
    const it = oauth2.credentials();
    await it.authorization();
    await oauth2.seconds(lifetime - early - 1);
    await it.authorization();
    expect(oauth2.server.requests).toHaveLength(1);
    await oauth2.seconds(1);
    expect(await Promise.all([it.authorization(), it.authorization()])).toEqual(["Bearer token-0", "Bearer token-0"]);
    await until(() => oauth2.server.requests.length === 2 && oauth2.clock.pending === 0);
    expect(await it.authorization()).toBe("Bearer token-1");
  });

  test("that has expired is waited for", async () => {
    const it = oauth2.credentials();
    await it.authorization();
    await oauth2.seconds(3600);
    expect(await it.authorization()).toBe("Bearer token-1");
  });

  test("stays in use while it cannot be renewed, which is logged once", async () => {
    oauth2.server.reply = (_, number) => (number === 0 ? { body: token(0) } : { status: 500, body: "down" });
    const it = oauth2.credentials();
    await it.authorization();
    await oauth2.seconds(3541);
    for (let second = 0; second < 50; second++) {
      expect(await it.authorization()).toBe("Bearer token-0");
      await until(() => oauth2.clock.pending === 0);
      await oauth2.seconds(1);
    }
    expect(oauth2.log.messages("warn")).toEqual(["Cannot renew an access token; the one at hand stays in use"]);
    expect(oauth2.server.requests.length).toBeWithin(3, 10);
    await oauth2.seconds(60);
    expect((await failure(it.authorization())).reason).toBe("credentials");
  });

  test("is another one as soon as the file holds another secret", async () => {
    const folder = mkdtempSync(join(tmpdir(), "oauth2-"));
    const path = join(folder, "client-secret");
    writeFileSync(path, "one\n");
    const it = oauth2.credentials({ client_secret_file: path });
    expect(await it.authorization()).toBe("Bearer token-0");
    writeFileSync(path, "two\n");
    expect(await it.authorization()).toBe("Bearer token-1");
    expect(oauth2.server.requests.map(({ client }) => client)).toEqual(["edge-7:one", "edge-7:two"]);
    rmSync(folder, { recursive: true });
    expect(await it.authorization()).toBe("Bearer token-1");
  });
});

describe("an OAuth2 token that a server refused", () => {
  test("is replaced once for all who were refused", async () => {
    const it = oauth2.credentials();
    const value = await it.authorization();
    const refusals = await Promise.all(Array.from({ length: 50 }, () => it.refused(value)));
    expect(new Set(refusals)).toEqual(new Set([true]));
    expect(await it.authorization()).toBe("Bearer token-1");
    expect(oauth2.server.requests).toHaveLength(2);
  });

  test("was replaced already for who comes late", async () => {
    const it = oauth2.credentials();
    const value = await it.authorization();
    await it.refused(value);
    expect(await it.refused(value)).toBe(true);
    expect(oauth2.server.requests).toHaveLength(2);
  });

  test("is not replaced again within half a minute", async () => {
    const it = oauth2.credentials();
    expect(await it.refused(await it.authorization())).toBe(true);
    for (let second = 0; second < 30; second++) {
      expect(await it.refused(await it.authorization())).toBe(false);
      await oauth2.seconds(1);
    }
    expect(oauth2.server.requests).toHaveLength(2);
    expect(await it.refused(await it.authorization())).toBe(true);
    expect(oauth2.server.requests).toHaveLength(3);
  });

  test("is not worth a second attempt where the server gives the same again", async () => {
    oauth2.server.reply = () => ({ body: token(0) });
    const it = oauth2.credentials();
    expect(await it.refused(await it.authorization())).toBe(false);
  });

  test("stays in use where no other can be had, because other servers may take it", async () => {
    oauth2.server.reply = (_, number) => (number === 0 ? { body: token(0) } : { status: 503, body: "" });
    const it = oauth2.credentials();
    const value = await it.authorization();
    const refusal = {
      reason: "credentials",
      message: expect.stringMatching(/^The server does not accept the access token, and no other .* it answered 503 /),
    };
    expect(await failure(it.refused(value))).toEqual(refusal);
    expect(await failure(it.refused(value))).toEqual(refusal);
    expect(oauth2.server.requests).toHaveLength(2);
    expect(await it.authorization()).toBe(value);
    expect(oauth2.log.messages("warn")).toHaveLength(1);
  });
});

describe("OAuth2 credentials", () => {
  test("get tokens from oauth2-mock-server", async () => {
    const issuer = new OAuth2Server();
    await issuer.issuer.keys.generate("RS256");
    await issuer.start(0, "127.0.0.1");
    const { port } = issuer.address();
    const header = await oauth2
      .credentials({ token_url: `http://127.0.0.1:${port}/token`, scopes: ["a"] })
      .authorization();
    const [scheme, jwt] = header.split(" ");
    expect(scheme).toBe("Bearer");
    const claims = JSON.parse(Buffer.from(jwt?.split(".")[1] ?? "", "base64url").toString()) as { scope: string };
    expect(claims.scope).toBe("a");
    await issuer.stop();
  });

  test("may be given up by a request while the token is still on its way", async () => {
    let answer: (() => void) | undefined;
    oauth2.server.reply = (_, number) => new Promise((resolve) => (answer = () => resolve({ body: token(number) })));
    const it = oauth2.credentials();
    const abandoned = it.authorization();
    await Promise.race([abandoned, until(() => answer !== undefined)]);
    const next = it.authorization();
    answer?.();
    expect(await next).toBe("Bearer token-0");
    expect(oauth2.server.requests).toHaveLength(1);
  });
});
