import { describe, expect, test } from "bun:test";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { clientUnderTest, failure, listen } from "./client-under-test.ts";
import { selfSigned } from "./self-signed.ts";

const it = clientUnderTest();

describe("an HTTP client over TLS", () => {
  test("does not trust a certificate that nobody signed", async () => {
    const { port, close } = await listen(https.createServer(selfSigned));
    expect(await failure(it.get(`https://127.0.0.1:${port}/`))).toEqual({
      reason: "tls",
      message: 'Cannot make a TLS connection to "127.0.0.1:PORT": its certificate is self-signed and not trusted here',
    });
    close();
  });

  test("tells that a port speaks plain http", async () => {
    const { port, close } = await listen(http.createServer((_, response) => response.end()));
    expect(await failure(it.get(`https://127.0.0.1:${port}/`))).toEqual({
      reason: "tls",
      message:
        'Cannot make a TLS connection to "127.0.0.1:PORT": it does not speak TLS; does this port speak plain http?',
    });
    close();
  });

  test("tells that a port asked in plain http speaks TLS", async () => {
    // A fatal alert, unexpected_message: what OpenSSL and rustls send before they hang up.
    const alerting = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 10])));
    });
    const { port, close } = await listen(alerting);
    expect(await failure(it.get(`http://127.0.0.1:${port}/`))).toEqual({
      reason: "protocol",
      message: '"127.0.0.1:PORT" speaks TLS and was asked in plain http; set the scheme to https',
    });
    close();
  });
});
