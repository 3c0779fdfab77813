import { describe, expect, test } from "bun:test";
import { Secret } from "../../src/base/index.ts";
import type { HttpArguments } from "../../src/http/index.ts";
import { plainHttpWarning } from "../../src/http/credentials/plain-http-warning.ts";

const token: HttpArguments = { bearer_token: new Secret("s3cret") };

describe("The warning of credentials over plain http", () => {
  test.each([
    ["https", ["https://shop.example.com/"]],
    ["this machine by name", ["http://localhost:6060/", "http://a.localhost/"]],
    ["this machine by address", ["http://127.0.0.1:6060/", "http://127.8.8.8/", "http://[::1]:6060/"]],
    ["a unix socket", ["unix:///run/app.sock:/debug"]],
  ])("is not given for %s", (_, urls) => {
    expect(plainHttpWarning({ args: token, urls })).toBeUndefined();
  });

  test("is not given where nothing authenticates", () => {
    expect(plainHttpWarning({ args: {}, headers: { "X-Scope-OrgID": "a" }, urls: ["http://h/"] })).toBeUndefined();
  });

  test("names the argument and the hosts, and never the value", () => {
    const urls = ["http://shop:6060/a", "http://shop:6060/b", "http://10.0.0.1/"];
    expect(plainHttpWarning({ args: token, urls })).toBe(
      'sends credentials over plain http (bearer_token, to "shop:6060" and 1 more): everybody on the way can read them; use https',
    );
  });

  test("reads the scheme in upper case too", () => {
    expect(plainHttpWarning({ args: token, urls: ["HTTP://shop/"] })).toContain('to "shop:80"');
  });

  test("knows headers that authenticate by their names", () => {
    const args: HttpArguments = { http_headers: { "X-Api-Key": [new Secret("s3cret")] } };
    expect(plainHttpWarning({ args, headers: { Authorization: "x" }, urls: ["http://h/"] })).toContain(
      "(Authorization, X-Api-Key, to",
    );
  });

  test("covers the token request of oauth2", () => {
    const args = {
      oauth2: { client_id: "a", client_secret: new Secret("s3cret"), token_url: "http://login.example.com/token" },
    } as unknown as HttpArguments;
    expect(plainHttpWarning({ args, urls: ["https://h/"] })).toBe(
      'sends credentials over plain http (oauth2.client_secret, to "login.example.com:80"): everybody on the way can read them; use https',
    );
  });
});
