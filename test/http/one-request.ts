import process from "node:process";
import { createHttpClient } from "../../src/http/index.ts";
import { selfSigned } from "./self-signed.ts";

/** A program that gets the URL of its argument, prints the body and does not close its client. */
const args = { tls_config: { ca_pem: selfSigned.cert, insecure_skip_verify: false, min_version: "TLS12" } } as const;
const { body } = await createHttpClient({ args }).request({
  method: "GET",
  url: process.argv[2] ?? "",
  maxBytes: 1000,
  timeoutMs: 10_000,
  signal: new AbortController().signal,
});
console.log(Buffer.from(body).toString());
