import { describe, expect, test } from "bun:test";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { Secret } from "../../src/base/index.ts";
import { createHttpClient } from "../../src/http/index.ts";
import { createAuthority } from "../support/certificates.ts";
import { clientUnderTest, failure, listen } from "./client-under-test.ts";
import { selfSigned } from "./self-signed.ts";

const it = clientUnderTest();
const authority = createAuthority("Example Root");
const ofServer = authority.issue({ name: "server", hosts: ["127.0.0.1"] });
const trusting = { ca_pem: authority.cert, insecure_skip_verify: false, min_version: "TLS12" } as const;

describe("an HTTP client over TLS", () => {
  test("does not trust a certificate that nobody signed", async () => {
    const { port, close } = await listen(https.createServer(selfSigned));
    expect(await failure(it.get(`https://127.0.0.1:${port}/`))).toEqual({
      reason: "tls",
      message:
        'Cannot make a TLS connection to "127.0.0.1:PORT": its certificate is self-signed by "localhost" and not trusted here; put it into tls_config.ca_file, or set insecure_skip_verify = true where nobody else can be on the line',
    });
    close();
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "tells that a server of %s wants a client certificate",
    async (version) => {
      const options = { ca: authority.cert, requestCert: true, minVersion: version, maxVersion: version };
      const server = https.createServer({ ...ofServer, ...options });
      const { port, close } = await listen(server);
      it.client = createHttpClient({ clock: it.clock, args: { tls_config: trusting } });
      const { reason, message } = await failure(it.get(`https://127.0.0.1:${port}/`));
      expect(reason).toBe("tls");
      expect(message).toContain("wants a client certificate");
      expect(message).toContain("set tls_config.cert_file and key_file");
      close();
    },
  );

  test("shows its certificate to a server that wants one", async () => {
    const server = https.createServer({ ...ofServer, ca: authority.cert, requestCert: true }, (_, response) =>
      response.end("ok"),
    );
    const { port, close } = await listen(server);
    const own = authority.issue({ name: "agent" });
    const tls_config = { ...trusting, cert_pem: own.cert, key_pem: new Secret(own.key) };
    it.client = createHttpClient({ clock: it.clock, args: { tls_config } });
    expect((await it.get(`https://127.0.0.1:${port}/`)).status).toBe(200);
    it.client.close();
    close();
  });

  test("tells when the TLS handshake does not end", async () => {
    const accepted = Promise.withResolvers<net.Socket>();
    const { port, close } = await listen(
      net.createServer((socket) => socket.once("data", () => accepted.resolve(socket))),
    );
    const pending = failure(it.get(`https://127.0.0.1:${port}/`, { timeoutMs: 5000 }));
    const socket = await accepted.promise;
    await it.clock.advance(5000);
    expect(await pending).toEqual({
      reason: "timeout",
      message:
        'Cannot make a TLS connection to "127.0.0.1:PORT" within 5s: connected, but the TLS handshake did not end; check that the port speaks TLS',
    });
    socket.destroy();
    close();
  });

  test("tells that a port speaks plain http", async () => {
    const { port, close } = await listen(http.createServer((_, response) => response.end()));
    expect(await failure(it.get(`https://127.0.0.1:${port}/`))).toEqual({
      reason: "tls",
      message:
        'Cannot make a TLS connection to "127.0.0.1:PORT": it does not speak TLS; if it speaks plain http, set the scheme to http',
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
      message: 'Cannot talk plain http to "127.0.0.1:PORT": it speaks TLS; set the scheme to https',
    });
    close();
  });
});
