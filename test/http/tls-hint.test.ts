import { describe, expect, test } from "bun:test";
import { tlsHint } from "../../src/http/tls/tls-hint.ts";

const answer = (status: number, text: string) => tlsHint({ status, headers: {}, body: Buffer.from(text) });

describe("the hint for a response", () => {
  test.each([
    [
      "<title>400 No required SSL certificate was sent</title>",
      /wants a client certificate; set tls_config\.cert_file/,
    ],
    ["<title>400 The SSL certificate error</title>", /refuses the client certificate/],
    ["<center>The plain HTTP request was sent to HTTPS port</center>", /speaks TLS: set the scheme to https/],
    ["Client sent an HTTP request to an HTTPS server.\n", /speaks TLS: set the scheme to https/],
    ["You're speaking plain HTTP to an SSL-enabled server port.", /speaks TLS: set the scheme to https/],
  ])("with %j tells what to set", (body, hint) => {
    expect(answer(400, body)).toMatch(hint);
  });

  test("of another status, or with other words, is none", () => {
    expect(answer(200, "No required SSL certificate was sent")).toBeUndefined();
    expect(answer(400, "bad request")).toBeUndefined();
  });
});
