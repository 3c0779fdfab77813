import { describe, expect, test } from "bun:test";
import http from "node:http";
import { limits, Secret } from "../../src/base/index.ts";
import { failure, listen, until } from "./client-under-test.ts";
import { clientSecret, oauth2UnderTest } from "./oauth2-under-test.ts";
import { token, type TokenRequest, type TokenServer } from "./token-server.ts";

const oauth2 = oauth2UnderTest();

const last = (): TokenRequest => oauth2.server.requests.at(-1) as TokenRequest;

describe("an OAuth2 token request", () => {
  test("is a form with the grant and the scopes, the client named in the Authorization header", async () => {
    expect(await oauth2.credentials({ scopes: ["a", "b"] }).authorization()).toBe("Bearer token-0");
    const { method, headers, form } = last();
    expect(method).toBe("POST");
    expect(headers["content-type"]).toStartWith("application/x-www-form-urlencoded");
    expect(headers.accept).toBe("application/json");
    expect(Object.fromEntries(form)).toEqual({ grant_type: "client_credentials", scope: "a b" });
  });

  test("encodes id and secret only as far as it must", async () => {
    await oauth2.credentials({ client_id: "0f-1.a_b:c" }).authorization();
    expect(last().client).toBe("0f-1.a_b%3Ac:s3cr3t+%2B%26%C3%BC");
  });

  test("names the client in the form where the server does not take the header, and remembers it", async () => {
    oauth2.server.reply = ({ style }, number) =>
      style === "form"
        ? { body: token(number) }
        : { status: 401, headers: { "WWW-Authenticate": "Basic" }, body: { error: "invalid_client" } };
    const it = oauth2.credentials();
    expect(await it.authorization()).toBe("Bearer token-1");
    expect(last().client).toBe(`edge-7:${clientSecret}`);
    await oauth2.seconds(3601);
    expect(await it.authorization()).toBe("Bearer token-2");
    expect(oauth2.server.requests.map(({ style }) => style)).toEqual(["basic", "form", "form"]);
  });

  test.each([429, 500, 503])("is not repeated in the other style after %d", async (status) => {
    oauth2.server.reply = () => ({ status, body: "busy" });
    await failure(oauth2.credentials().authorization());
    expect(oauth2.server.requests).toHaveLength(1);
  });

  test("carries endpoint_params, which may replace the grant", async () => {
    await oauth2
      .credentials({ endpoint_params: { audience: new Secret("pyroscope"), grant_type: new Secret("password") } })
      .authorization();
    expect(Object.fromEntries(last().form)).toEqual({ audience: "pyroscope", grant_type: "password" });
  });

  test("keeps the query of its URL", async () => {
    let asked: string | undefined;
    const plain = http.createServer((request, response) => {
      asked = request.url;
      response.end(JSON.stringify(token(7)));
    });
    const { port, close } = await listen(plain);
    expect(await oauth2.credentials({ token_url: `http://127.0.0.1:${port}/t?p=1` }).authorization()).toBe(
      "Bearer token-7",
    );
    expect(asked).toBe("/t?p=1");
    close();
  });

  test("has TLS and proxy settings of its own and follows no redirect", () => {
    oauth2.credentials({ no_proxy: "10.0.0.0/8", tls_config: { insecure_skip_verify: true, min_version: "TLS13" } });
    expect(oauth2.tokenClients).toEqual([
      {
        tls_config: { insecure_skip_verify: true, min_version: "TLS13" },
        proxy_url: undefined,
        no_proxy: "10.0.0.0/8",
        proxy_from_environment: false,
        proxy_connect_header: undefined,
        follow_redirects: false,
      },
    ]);
  });
});

describe("an OAuth2 token request that fails", () => {
  const replies: [name: string, reply: Awaited<ReturnType<TokenServer["reply"]>>, message: string][] = [
    [
      "for a wrong secret",
      { status: 401, body: { error: "invalid_client", error_description: `Wrong secret "${clientSecret}"` } },
      'it answered 401 with "invalid_client: Wrong secret "(secret)""; check client_id and client_secret',
    ],
    [
      "for a scope",
      { status: 400, body: { error: "invalid_scope", error_description: "No such scope" } },
      'it answered 400 with "invalid_scope: No such scope"; check scopes',
    ],
    [
      "with an error in a success",
      { status: 200, body: { error: "bad_verification_code", access_token: "leaked" } },
      'it answered 200 with "bad_verification_code"; check client_id, client_secret and scopes',
    ],
    ["at the wrong path", { status: 404, body: "Not here" }, 'it answered 404 with "Not here"; check token_url'],
    [
      "with a page",
      { status: 502, body: "<html>Bad gateway</html>" },
      "it answered 502 without a reason; it is asked again later; if this lasts, look at the token server's log",
    ],
    [
      "with a redirect",
      { status: 307, headers: { Location: "http://ann:pw@login.example.com/token?x=1" } },
      'it answered 307, a redirect to "http://login.example.com/token"; set token_url to where the tokens really come from',
    ],
    [
      "without a token",
      { body: { token: "leaked" } },
      "it answered 200 without an access_token, so that it is no token response; check token_url",
    ],
    [
      "with text that may be a token",
      { body: "leaked" },
      "it answered 200 without an access_token, so that it is no token response; check token_url",
    ],
    [
      "with a page in a success",
      { body: `<html>Log in, ${clientSecret}</html>` },
      'it answered 200 with HTML "<html>Log in, (secret)</html>", which is no token response; check token_url',
    ],
    [
      "with an empty success",
      { status: 204 },
      "it answered 204 without an access_token, so that it is no token response; check token_url",
    ],
    [
      "with a lifetime that is none",
      { body: { access_token: "leaked", expires_in: "soon" } },
      '"response" body "expires_in" property must be a number; check token_url',
    ],
  ];
  test.each(replies)("%s says why", async (_, reply, message) => {
    oauth2.server.reply = () => reply;
    const failed = await failure(oauth2.credentials().authorization());
    expect(failed.reason).toBe("credentials");
    expect(failed.message).toBe(`Cannot get an access token from "127.0.0.1:PORT": ${message}`);
    expect(failed.message).not.toContain("leaked");
  });

  test.each(["basic", "form"] as const)(
    "shows no form of the secret that a server which takes only %s sends back",
    async (style) => {
      oauth2.server.reply = (request) => {
        const sent = `${request.headers.authorization} ${request.form} ${request.client}`;
        const error = request.style === style ? "odd_error" : "invalid_request";
        return { status: 400, body: { error, error_description: sent } };
      };
      const args = { endpoint_params: { password: new Secret("hunter2 ü") } };
      const { message } = await failure(oauth2.credentials(args).authorization());
      expect(message).toContain("odd_error");
      for (const hidden of [clientSecret, "s3cr3t", "hunter2", btoa("edge-7:s3cr3t")])
        expect(message).not.toContain(hidden);
    },
  );

  const tellings: [basic: string, form: string, told: string][] = [
    ["invalid_client", "invalid_request", "invalid_client"],
    ["invalid_request", "invalid_client", "invalid_client"],
    ["invalid_client", "invalid_scope", "invalid_scope"],
    ["unauthorized_client", "invalid_client", "unauthorized_client"],
  ];
  test.each(tellings)("with %s for one style and %s for the other tells %s", async (basic, form, told) => {
    oauth2.server.reply = ({ style }) => ({ status: 400, body: { error: style === "basic" ? basic : form } });
    expect((await failure(oauth2.credentials().authorization())).message).toContain(`"${told}"`);
  });

  test("because nobody listens says what the client says", async () => {
    const { port, close } = await listen(http.createServer());
    close();
    const failed = await failure(oauth2.credentials({ token_url: `http://127.0.0.1:${port}/` }).authorization());
    expect(failed.reason).toBe("credentials");
    expect(failed.message).toStartWith(
      'Cannot get an access token from token_url "http://127.0.0.1:PORT/": Cannot connect to "127.0.0.1:PORT": connection refused',
    );
  });

  test("because the answer is too large says so", async () => {
    oauth2.server.reply = () => ({ body: "x".repeat(limits.tokenResponseBytes + 1) });
    expect((await failure(oauth2.credentials().authorization())).message).toContain("is larger than the limit");
  });

  test("because its own deadline passed says so", async () => {
    let answer: (() => void) | undefined;
    oauth2.server.reply = () => new Promise((resolve) => (answer = () => resolve({ body: token(0) })));
    const failed = failure(oauth2.credentials().authorization());
    await until(() => answer !== undefined);
    await oauth2.clock.advance(limits.tokenRequestMs);
    expect((await failed).message).toContain("within 10s");
    answer?.();
  });

  test("is not repeated at once: callers get the same error until the back-off is over", async () => {
    oauth2.server.reply = (_, number) => (number < 2 ? { status: 503, body: "down" } : { body: token(number) });
    const it = oauth2.credentials();
    const first = await it.authorization().catch((error: unknown) => error);
    for (let caller = 0; caller < 10; caller++)
      expect(await it.authorization().catch((error: unknown) => error)).toBe(first);
    expect(oauth2.server.requests).toHaveLength(1);
    await oauth2.seconds(1);
    await failure(it.authorization());
    expect(oauth2.server.requests).toHaveLength(2);
    await oauth2.seconds(2);
    expect(await it.authorization()).toBe("Bearer token-2");
  });
});
