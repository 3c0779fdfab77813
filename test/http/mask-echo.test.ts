import { describe, expect, test } from "bun:test";
import http from "node:http";
import { Secret } from "../../src/base/index.ts";
import { createHttpClient, type HttpArguments } from "../../src/http/index.ts";
import { listen, text } from "./client-under-test.ts";

const never = new AbortController().signal;

/** What a server's words come to that quotes every header in an answer of this status. */
async function quoted(args: HttpArguments, { status = 401, headers = {} } = {}): Promise<string> {
  const echo = http.createServer((request, response) => {
    response.writeHead(status).end(request.rawHeaders.join(" "));
  });
  const { port, close } = await listen(echo);
  const client = createHttpClient({ args });
  const url = `http://127.0.0.1:${port}/`;
  const response = await client.request({
    method: "GET",
    url,
    headers,
    maxBytes: 9999,
    timeoutMs: 5000,
    signal: never,
  });
  client.close();
  close();
  return status < 300 ? (response.masked?.(text(response.body)) ?? "") : text(response.body);
}

describe("What a server quotes of a request", () => {
  test.each<[string, HttpArguments, string[]]>([
    ["a bearer token", { bearer_token: new Secret("s3cret-token") }, ["s3cret-token"]],
    [
      "a password",
      { basic_auth: { username: "edge", password: new Secret("s3cret-password") } },
      ["s3cret-password", btoa("edge:s3cret-password")],
    ],
    ["a header", { http_headers: { "X-Key": [new Secret("s3cret-key")] } }, ["s3cret-key"]],
  ])("is shown without %s", async (_, args, secrets) => {
    for (const status of [401, 500, 200]) {
      const words = await quoted(args, { status });
      expect(words).toContain("(secret)");
      for (const secret of secrets) expect(words).not.toContain(secret);
    }
  });

  test("is shown without a header of the request itself", async () => {
    const words = await quoted({}, { headers: { "X-Token": "s3cret-token", "X-Scope-OrgID": "squad-1" } });
    expect(words).not.toContain("s3cret-token");
    expect(words).toContain("squad-1");
  });
});
