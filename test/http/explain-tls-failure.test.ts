import { describe, expect, test } from "bun:test";
import https from "node:https";
import type { AddressInfo } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import { AgentError, type Clock } from "../../src/base/index.ts";
import type { Connector } from "../../src/http/connection/connector.ts";
import { Interruption } from "../../src/http/interruption.ts";
import { explainTlsFailure } from "../../src/http/tls/explain-tls-failure.ts";
import { createTlsExplainer } from "../../src/http/tls/tls-explainer.ts";
import { type Certificate, createAuthority, selfSignedCertificate } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { listen } from "./client-under-test.ts";

const now = Date.UTC(2026, 5, 15, 12, 30);
const clock = new FakeClock(now);
const [before, after] = [new Date("2026-06-01T08:00:00Z"), new Date("2026-07-01T08:00:00Z")];
const valid = { notBefore: before, notAfter: after };
const authority = createAuthority("Example Root", valid);
const stranger = createAuthority("Other Root", valid);
const between = stranger.delegate("Other Issuing", valid);
const hosts = ["localhost", "127.0.0.1"];
const ofOne = { name: "server", hosts, ...valid };

/** What is said about a server that shows these certificates, and how many connections to it were left open. */
async function explain(shown: Certificate, options: { code: string; host?: string; servername?: string; at?: Clock }) {
  const { code, host = "127.0.0.1", servername, at = clock } = options;
  const server = https.createServer(shown);
  const { port, close } = await listen(server);
  const sockets: TLSSocket[] = [];
  const reconnect = () =>
    connect(
      { port, host: "127.0.0.1", ca: authority.cert, rejectUnauthorized: false, ...(servername && { servername }) },
      sockets,
    );
  const text = await explainTlsFailure({ code, url: new URL(`https://${host}:${port}/`), reconnect, clock: at });
  close();
  expect(sockets.map((socket) => socket.destroyed)).toEqual([true]);
  return text;
}

function connect(options: tls.ConnectionOptions, sockets: TLSSocket[]): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(options, () => resolve(socket));
    socket.once("error", reject);
    sockets.push(socket);
  });
}

/** Bun names the cause; Deno has one code for whatever keeps a certificate from being verified. */
const codes = { deno: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", name: "ERR_TLS_CERT_ALTNAME_INVALID" };

describe("a look at a server that TLS failed with", () => {
  // Valid by the clock that TLS itself goes by.
  const trusted = createAuthority("Trusted Root");
  const unknown = createAuthority("Other Root").issue({ name: "server", hosts });
  const error = new AgentError("tls", "failed", { cause: { code: codes.deno } });
  const url = new URL("https://server.test:8443/");

  /** Explains an error of a server that by and by shows these certificates; without one, it cannot be connected to. */
  function explainerOf(...shown: (Certificate | undefined)[]) {
    const turned = new FakeClock(Date.now());
    let looks = 0;
    const connector: Partial<Connector> = {
      proxyTo: () => undefined,
      async connectTls() {
        const certificate = shown[looks++];
        if (!certificate) throw new Error("refused");
        const server = https.createServer(certificate);
        const { port, close } = await listen(server);
        return connect({ port, host: "127.0.0.1", ca: trusted.cert, rejectUnauthorized: false }, []).finally(close);
      },
    };
    const explainer = createTlsExplainer(connector as Connector, turned);
    const ask = async (): Promise<string> => {
      const interruption = new Interruption({ timeoutMs: 5000, signal: new AbortController().signal }, turned);
      const told = await explainer(error, url, interruption);
      interruption.release();
      return (told as Error).message;
    };
    return { ask, turned, looks: () => looks };
  }

  const nothing: [why: string, first: Certificate | undefined][] = [
    ["could not be taken", undefined],
    ["met another certificate, which is good", trusted.issue({ name: "server", hosts })],
  ];
  test.each(nothing)("that %s is taken again, but not for every request", async (_why, first) => {
    const { ask, turned, looks } = explainerOf(first, unknown);
    expect(await ask()).toBe("failed");
    await turned.advance(9999);
    expect(await ask()).toBe("failed");
    expect(looks()).toBe(1);
    await turned.advance(1);
    const explained =
      'Cannot make a TLS connection to "server.test:8443": its certificate comes from the unknown issuer "Other Root"';
    expect(await ask()).toStartWith(explained);
    // What was found is good for longer.
    await turned.advance(299_999);
    expect(await ask()).toStartWith(explained);
    expect(looks()).toBe(2);
    await turned.advance(1);
    expect(await ask()).toBe("failed");
    expect(looks()).toBe(3);
  });
});

describe("an explained TLS failure", () => {
  test.each(["CERT_HAS_EXPIRED", codes.deno])("with %s says when the certificate expired", async (code) => {
    const notAfter = new Date("2026-06-14T23:59:00Z");
    expect(await explain(authority.issue({ ...ofOne, notAfter }), { code })).toBe(
      "its certificate expired on 2026-06-14 23:59 UTC; renew it on the server",
    );
  });

  test.each(["CERT_NOT_YET_VALID", codes.deno])(
    "with %s says from when on it is valid, and what time it is here",
    async (code) => {
      const notBefore = new Date("2026-06-16T00:00:00Z");
      expect(await explain(authority.issue({ ...ofOne, notBefore }), { code })).toBe(
        "its certificate is not valid before 2026-06-16 00:00 UTC; check this machine's clock, it says 2026-06-15 12:30 UTC",
      );
    },
  );

  test("names the issuer that expired, where it is not the certificate itself", async () => {
    const old = authority.delegate("Old Issuing", { notBefore: before, notAfter: new Date("2026-06-10T00:00:00Z") });
    const { cert, key } = old.issue(ofOne);
    expect(await explain({ cert: cert + old.cert, key }, { code: "CERT_HAS_EXPIRED" })).toBe(
      'the certificate of "Old Issuing", its issuer, expired on 2026-06-10 00:00 UTC; renew it on the server',
    );
  });

  test("names the issuer that nobody knows here", async () => {
    const { cert, key } = stranger.issue(ofOne);
    expect(await explain({ cert: cert + stranger.cert, key }, { code: "SELF_SIGNED_CERT_IN_CHAIN" })).toBe(
      'its certificate comes from the unknown issuer "Other Root"; put that issuer\'s certificate into tls_config.ca_file',
    );
  });

  test("names the last issuer of a chain without its root", async () => {
    const { cert, key } = between.issue(ofOne);
    expect(await explain({ cert: cert + between.cert, key }, { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" })).toContain(
      'the unknown issuer "Other Root"',
    );
  });

  test("of a lone certificate says that the chain may be missing", async () => {
    expect(await explain(between.issue(ofOne), { code: codes.deno })).toBe(
      'its certificate comes from the unknown issuer "Other Issuing"; put that issuer\'s certificate into tls_config.ca_file, and where that is an intermediate authority, let the server send its certificate too',
    );
  });

  test("says that a certificate signed itself", async () => {
    expect(
      await explain(selfSignedCertificate({ ...ofOne, name: "edge-7" }), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
    ).toBe(
      'its certificate is self-signed by "edge-7" and not trusted here; put it into tls_config.ca_file, or set insecure_skip_verify = true where nobody else can be on the line',
    );
  });

  const names: [what: string, hosts: string[], asked: object, text: string][] = [
    ["an address", ["a.example", "b.example"], {}, "is for a.example, b.example and not for 127.0.0.1"],
    ["a host", ["10.0.0.7"], { host: "localhost" }, "is for 10.0.0.7 and not for localhost"],
    ["server_name", ["a.example"], { servername: "c.example" }, "is for a.example and not for c.example"],
    [
      "one of many",
      ["a.a", "b.a", "c.a", "d.a", "e.a", "f.a"],
      {},
      "is for a.a, b.a, c.a, d.a and 2 more and not for 127.0.0.1",
    ],
    ["an address and not its subject", [], {}, 'names only "server" and not 127.0.0.1'],
  ];
  test.each(names)("of a wrong name tells its names and %s", async (_, ownHosts, asked, text) => {
    const shown = authority.issue({ ...ofOne, hosts: ownHosts });
    expect(await explain(shown, { code: codes.name, ...asked })).toBe(
      `its certificate ${text}; correct the URL's host, or set tls_config.server_name to a name that it has`,
    );
  });

  test("keeps the server's names on one line and short", async () => {
    const name = `x\n\u001b[31m${"y".repeat(200)}`;
    const text = await explain(createAuthority(name, valid).issue(ofOne), { code: codes.deno });
    // oxlint-disable-next-line no-control-regex -- that none gets through is what is tested
    expect(text).not.toMatch(/[\u0000-\u001f]/);
    expect(text?.length).toBeLessThan(300);
  });

  test("of the versions says which one the server speaks", async () => {
    const server = https.createServer({ ...authority.issue(ofOne), maxVersion: "TLSv1.2" });
    const { port } = await listen(server);
    const asked: unknown[] = [];
    const reconnect = (over?: { minVersion: tls.SecureVersion }) => {
      asked.push(over?.minVersion);
      return connect(
        { port: (server.address() as AddressInfo).port, host: "127.0.0.1", rejectUnauthorized: false, ...over },
        [],
      );
    };
    const url = new URL(`https://127.0.0.1:${port}/`);
    expect(await explainTlsFailure({ code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", url, reconnect })).toBe(
      'it speaks TLS 1.2 at best, which tls_config.min_version does not allow; update it, or set min_version = "TLS12"',
    );
    expect(asked).toEqual([process.versions.deno === undefined ? "TLSv1" : "TLSv1.2"]);
    server.close();
  });

  test("that no certificate causes is not looked at", async () => {
    const reconnect = () => Promise.reject(new Error("nobody should connect"));
    const url = new URL("https://127.0.0.1/");
    expect(await explainTlsFailure({ code: "ERR_SSL_WRONG_VERSION_NUMBER", url, reconnect })).toBeUndefined();
  });
});
