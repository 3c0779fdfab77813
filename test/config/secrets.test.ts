import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import * as v from "valibot";
import { Secret } from "../../src/base/index.ts";
import type { ConfigError } from "../../src/config/index.ts";
import { httpArguments, httpChecks } from "../../src/http/arguments.ts";
import { table } from "../../src/schema/index.ts";
import { selfSigned } from "../http/self-signed.ts";
import { parse, problemsOf } from "./kinds.ts";

const secrets = { TOKEN: "s3cret-token", PASSWORD: "s3cret-password" };

describe("A secret", () => {
  test("is in no form of the arguments that is shown", async () => {
    const { components } = await parse(
      '[pyroscope.write.a.endpoint]\nurl = "http://h"\nheaders = { Authorization = "Bearer ${TOKEN}" }',
      { env: secrets },
    );
    const shown = components.map(({ args }) => `${JSON.stringify(args)} ${inspect(args, { depth: 9 })}`).join();
    expect(shown).toContain("(secret)");
    expect(shown).not.toContain("s3cret");
  });

  test.each([
    ["bearer_token", { bearer_token: "s3cret" }],
    ["basic_auth", { basic_auth: { username: "u", password: "s3cret" } }],
    ["authorization", { authorization: { credentials: "s3cret" } }],
    [
      "oauth2",
      { oauth2: { client_id: "a", client_secret: "s3cret", token_url: "https://h", endpoint_params: { p: "v" } } },
    ],
    ["tls_config", { tls_config: { cert_pem: selfSigned.cert, key_pem: selfSigned.key } }],
    ["proxy_url", { proxy_url: "http://u:s3cret@proxy:3128" }],
    ["http_headers", { http_headers: { "X-Key": "s3cret" } }],
    ["proxy_connect_header", { proxy_url: "http://proxy", proxy_connect_header: { "X-Key": ["s3cret"] } }],
  ])("in %s is typed as one", (name, args) => {
    const client = v.pipe(table(httpArguments()), httpChecks());
    const result = v.safeParse(client, args);
    expect(result.issues).toBeUndefined();
    const shown = JSON.stringify((result.output as Record<string, unknown>)[name]);
    expect(shown).toContain("(secret)");
    expect(shown).not.toMatch(/s3cret|PRIVATE KEY/);
  });

  test.each([
    'headers = { Authorization = 5.5, x = ["s3cret"] }',
    'headers = "s3cret"',
    'basic_auth = "s3cret"',
    'authorization = ["s3cret"]',
    'bearer_token = { s3 = "s3cret" }',
    'oauth2 = { client_secret = ["s3cret"] }',
    'proxy_url = "user:s3cret@proxy"',
    'proxy_url = "http://user:s3/cret#?s3cret@"',
    'password = "s3cret"',
    'http_headers = { "X-Key" = { a = "s3cret" } }',
    'tls_config = { key_pem = 1, ca_file = ["s3cret"] }',
    'tls_config = { key_pem = "s3cret", ca_pem = "s3cret" }',
    'name = "s3cret\nbearer_token = "s3cret"',
    "bearer_token = s3cret",
  ])("in %j is not shown by the problem", async (line) => {
    const problems = await problemsOf(`[pyroscope.write.a.endpoint]\nurl = "http://h"\n${line}`);
    expect(problems).not.toBe("");
    expect(problems).not.toMatch(/s3cret|cret#/);
  });

  test("in a URL's userinfo is not shown by the problem", async () => {
    for (const url of [
      "https://bob:s3cret@h",
      "bob:s3cret@h",
      "https://bob:s3/cr@et@",
      "http://h?token=s3cret",
      "ftp://b:s3cret@h",
    ]) {
      const problems = await problemsOf(`[pyroscope.write.a.endpoint]\nurl = "${url}"`);
      expect(problems).toContain("pyroscope.write.a.endpoint.url");
      expect(problems).not.toMatch(/s3|cr@et/);
    }
  });

  test.each([
    '[server]\nlisten_address = "http://u:s3cret@h:1"',
    '[server]\nlisten_address = "u:s3cret@h:1"',
    '[logging]\nlevel = "https://u:s3cret@h"',
    '[logging]\nformat = "https://h/?token=s3cret"',
    '[pyroscope.scrape.a]\ntargets = ["http://u:s3cret@h:6060", "u:s3cret@h:6060", "http://u:s3/cr@et?s3cret@h"]\nforward_to = []',
    '[pyroscope.scrape.a]\ntargets = []\nforward_to = ["http://u:s3cret@h:4040"]',
    '[pyroscope.scrape.a]\ntargets = [{ __address__ = "http://u:s3cret@h" }, { __address__ = "u:s3cret@h" }]\nforward_to = []',
    '[pyroscope.scrape.a]\ntargets = [{ __address__ = "h", __scheme__ = "http://u:s3cret@h" }]\nforward_to = []',
    '[pyroscope.scrape.a]\ntargets = []\nforward_to = []\nscheme = "https://u:s3cret@h"',
    '[pyroscope.scrape.a]\ntargets = []\nforward_to = []\nscrape_interval = "https://u:s3cret@h"',
    '[pyroscope.scrape.a]\ntargets = []\nforward_to = []\nbody_size_limit = "https://u:s3cret@h"',
    '[pyroscope.scrape.a]\ntargets = []\nforward_to = []\nfollow_redirects = "https://u:s3cret@h"',
    '[pyroscope.scrape.a]\ntargets = []\nforward_to = []\nprofiling_config.profile.memory.path = "https://u:s3cret@h"',
    '[pyroscope.scrape.a]\nforward_to = []\ntargets = { "http://u:s3cret@h" = 1 }',
    '[pyroscope.write.a]\n"http://u:s3cret@h" = "x"',
    '[pyroscope.write."http://u:s3cret@h"]\nendpoint = 1',
    '[pyroscope.write.a.endpoint]\nurl = "http://h"\nheaders = { "http://u:s3cret@h" = "x" }',
    '[pyroscope.write.a.endpoint]\nurl = "http://h"\nmax_backoff_retries = "https://u:s3cret@h"',
  ])("in a URL that stands where none belongs is not shown: %j", async (text) => {
    const error = (await parse(text).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )) as ConfigError;
    // What `check` prints, and what `check --json` does.
    expect(error.message).not.toBe("");
    expect(`${error.message}\n${JSON.stringify(error.problems)}`).not.toMatch(/s3cret|cr@et/);
  });

  test("comes out by one door only", () => {
    expect(new Secret("s3cret").reveal()).toBe("s3cret");
  });
});
