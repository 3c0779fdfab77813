import { afterEach, describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { Secret } from "../../src/base/index.ts";
import { tlsArguments } from "../../src/http/tls/tls-arguments.ts";
import { createTlsSettings, type TlsSettings } from "../../src/http/tls/tls-settings.ts";
import { createAuthority } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";

const authority = createAuthority("Example Root");
const [first, second] = [authority.issue({ name: "first" }), authority.issue({ name: "second" })];
const onDeno = process.versions.deno !== undefined;

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Files with these contents, and their paths. */
function files<Name extends string>(contents: Record<Name, string>) {
  const directory = mkdtempSync(join(tmpdir(), "tls-"));
  directories.push(directory);
  const path = (name: string): string => join(directory, name);
  const write = (name: Name, text: string | Uint8Array): void => writeFileSync(path(name), text);
  for (const name in contents) write(name, contents[name]);
  return { path, write };
}

/** The settings for a client certificate of two files. */
function ofClient({ path }: { path: (name: string) => string }, nowMs = Date.now()) {
  const log = createMemoryLog();
  const args = { cert_file: path("cert"), key_file: path("key") };
  return { log, args, settings: createTlsSettings(args, { log, clock: new FakeClock(nowMs) }) };
}

async function failure(settings: TlsSettings): Promise<{ reason: string; message: string }> {
  const error = await Promise.resolve(settings.current()).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, "the settings cannot be used").toBeInstanceOf(Error);
  const { reason, message } = error as { reason: string; message: string };
  return { reason, message };
}

describe("TLS settings", () => {
  const log = createMemoryLog();

  test("without arguments are Node's own, and no promise", () => {
    const settings = createTlsSettings(undefined, { log });
    expect(settings.current()).toEqual({ rejectUnauthorized: true, minVersion: "TLSv1.2" });
    expect(settings.current()).toBe(settings.current());
  });

  test("of texts are the same object each time, and no promise", () => {
    const args = {
      ca_pem: `# a comment\n${authority.cert}`,
      cert_pem: first.cert,
      key_pem: new Secret(first.key),
      server_name: "a.example",
      insecure_skip_verify: true,
      min_version: "TLS13",
    } as const;
    const settings = createTlsSettings(args, { log });
    expect(settings.current()).toEqual({
      ca: authority.cert.trim(),
      cert: first.cert.trim(),
      key: first.key.trim(),
      servername: "a.example",
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
    });
    expect(settings.current()).toBe(settings.current());
  });

  test("of files are the same object until a file changes", async () => {
    const { path, write } = files({ ca: authority.cert });
    const settings = createTlsSettings({ ca_file: path("ca") }, { log });
    const before = await settings.current();
    expect(before.ca).toBe(authority.cert.trim());
    expect(await settings.current()).toBe(before);
    const next = createAuthority("Next Root").cert;
    write("ca", next);
    const after = await settings.current();
    expect(after.ca).toBe(next.trim());
    expect(await settings.current()).toBe(after);
  });

  test("take certificate and key from one file that holds both, and more", async () => {
    const { path } = files({ both: `subject=first\n${first.key}${first.cert}${authority.cert}` });
    const settings = createTlsSettings({ cert_file: path("both"), key_file: path("both") }, { log });
    const { cert, key } = await settings.current();
    expect(cert).toBe(`${first.cert.trim()}\n${authority.cert.trim()}`);
    expect(key).toBe(first.key.trim());
  });

  test("leave out authorities that cannot be read, and say so", async () => {
    const broken = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
    const { path } = files({ ca: broken + authority.cert });
    const own = createMemoryLog();
    const settings = createTlsSettings({ ca_file: path("ca") }, { log: own });
    expect((await settings.current()).ca).toBe(authority.cert.trim());
    await settings.current();
    expect(own.lines).toEqual([
      {
        level: "warn",
        message: "Some certificate authorities cannot be read and are left out",
        fields: { path: path("ca"), unreadable: 1 },
      },
    ]);
  });
});

describe("TLS settings without an authority that can be read", () => {
  test("are refused, and do not trust the system's instead", async () => {
    const broken = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----";
    const { path } = files({ ca: broken });
    const log = createMemoryLog();
    expect((await failure(createTlsSettings({ ca_file: path("ca") }, { log }))).message).toStartWith(
      `Cannot read the certificate authorities from "${path("ca")}": it is damaged`,
    );
    expect(await failure(createTlsSettings({ ca_pem: broken }, { log }))).toMatchObject({
      reason: "tls",
      message: expect.stringContaining('Cannot use the certificate authorities of "ca_pem": it is damaged'),
    });
  });
});

describe("a client certificate that is rotated", () => {
  test("keeps the last pair until certificate and key fit each other again, with one warning", async () => {
    const { path, write } = files({ cert: first.cert, key: first.key });
    const { log, settings } = ofClient({ path });
    const before = await settings.current();
    write("cert", second.cert);
    expect(await settings.current()).toBe(before);
    expect(await settings.current()).toBe(before);
    write("key", second.key);
    expect(await settings.current()).toMatchObject({ cert: second.cert.trim(), key: second.key.trim() });
    expect(log.messages("warn")).toEqual(["The new client certificate and key are not used yet"]);
    expect(log.messages("info")).toEqual(["A new client certificate and key are in use"]);
  });

  test("is one warning and one line of success, however many halves come", async () => {
    const { path, write } = files({ cert: first.cert, key: first.key });
    const { log, settings } = ofClient({ path });
    const third = authority.issue({ name: "third" });
    await settings.current();
    for (const [name, text] of [
      ["cert", second.cert],
      ["cert", third.cert],
      ["key", second.key],
      ["key", third.key],
    ] as const) {
      write(name, text);
      await settings.current();
    }
    expect(log.lines.map(({ level }) => level)).toEqual(["warn", "info"]);
    write("cert", first.cert);
    await settings.current();
    expect(log.messages("warn")).toHaveLength(2);
  });

  test("is not replaced where the first half comes back", async () => {
    const { path, write } = files({ cert: first.cert, key: first.key });
    const { settings } = ofClient({ path });
    const before = await settings.current();
    write("cert", second.cert);
    await settings.current();
    write("cert", first.cert);
    expect(await settings.current()).toBe(before);
  });

  test("still takes new authorities meanwhile", async () => {
    const { path, write } = files({ cert: first.cert, key: first.key, ca: authority.cert });
    const args = { cert_file: path("cert"), key_file: path("key"), ca_file: path("ca") };
    const settings = createTlsSettings(args, { log: createMemoryLog() });
    await settings.current();
    const next = createAuthority("Next Root").cert;
    write("cert", second.cert);
    write("ca", next);
    expect(await settings.current()).toMatchObject({ cert: first.cert.trim(), ca: next.trim() });
  });
});

describe("a client certificate", () => {
  test("with another's key is refused", async () => {
    const { path } = files({ cert: first.cert, key: second.key });
    expect(await failure(ofClient({ path }).settings)).toEqual({
      reason: "tls",
      message: `Cannot use the client certificate of "${path("cert")}" with the key of "${path("key")}": they do not belong together; replace both`,
    });
  });

  test("as text, with another's key, is refused", async () => {
    const args = { cert_pem: first.cert, key_pem: new Secret(second.key) };
    expect((await failure(createTlsSettings(args, { log: createMemoryLog() }))).message).toStartWith(
      'Cannot use the client certificate of "cert_pem" with the key of "key_pem"',
    );
  });

  test("that has expired is used, with one warning", async () => {
    const expired = authority.issue({
      name: "old",
      notAfter: new Date("2026-01-02T03:04:05Z"),
      notBefore: new Date(0),
    });
    const { path } = files({ cert: expired.cert, key: expired.key });
    const { log, settings } = ofClient({ path }, Date.UTC(2026, 1, 1));
    expect((await settings.current()).cert).toBe(expired.cert.trim());
    await settings.current();
    expect(log.lines).toEqual([
      {
        level: "warn",
        message: "The client certificate has expired; servers will refuse it",
        fields: { certificate: path("cert"), key: path("key"), expired: "2026-01-02T03:04:05.000Z" },
      },
    ]);
  });

  const protection = { cipher: "aes-256-cbc", passphrase: "x" };
  const encrypted = createPrivateKey(first.key).export({ type: "pkcs8", format: "pem", ...protection });
  const der = (pem: string) => Buffer.from(pem.replace(/-----.*?-----/g, ""), "base64");
  const unusable: [what: string, name: "cert" | "key", content: string | Uint8Array, message: RegExp][] = [
    ["is a key", "cert", first.key, /client certificate from ".*cert": it holds a key and no certificate/],
    ["is no PEM", "cert", "hello", /client certificate from ".*cert": it holds no certificate in PEM form/],
    ["is DER", "cert", der(first.cert), /convert it from DER: openssl x509 -inform DER/],
    ["is damaged", "cert", "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----", /cert": it is damaged/],
    [
      "has a key that is a certificate",
      "key",
      first.cert,
      /client key from ".*key": it holds a certificate and no key/,
    ],
    [
      "has a key that is damaged",
      "key",
      "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----",
      /key": it is damaged/,
    ],
    ["has an encrypted key", "key", encrypted, /key": the key is encrypted, and the agent has no passphrase/],
    ["has an empty key", "key", "", /key": it is empty/],
  ];
  test.each(unusable)("that %s is refused, with the path and the reason", async (_, name, content, message) => {
    const { path, write } = files({ cert: first.cert, key: first.key });
    write(name, content);
    const found = await failure(ofClient({ path }).settings);
    expect(found.reason).toBe("tls");
    expect(found.message).toMatch(message);
  });
});

describe("the table tls_config", () => {
  const issues = (input: unknown) => (v.safeParse(tlsArguments(), input).issues ?? []).map(({ message }) => message);

  test("takes PEM texts, and never shows the key", () => {
    const result = v.safeParse(tlsArguments(), { ca_pem: authority.cert, cert_pem: first.cert, key_pem: first.key });
    expect(result.issues).toBeUndefined();
    expect(JSON.stringify(result.output)).toContain('"key_pem":"(secret)"');
  });

  test.each([
    [{ ca_pem: "/etc/ca.pem" }, "cannot be used: it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"],
    [
      { server_name: "10.0.0.7" },
      "must be a host name, because TLS cannot ask for an IP address; put the address into the URL instead",
    ],
    [{ cert_pem: first.cert, key_pem: second.key }, "key_pem and cert_pem do not belong together; replace both"],
    [
      { cert_pem: first.cert, key_pem: "s3cret" },
      "cannot be used: it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)",
    ],
  ])("refuses what cannot be used (%#)", (input, message) => {
    expect(issues(input)).toEqual([message]);
  });

  test.each(["TLS10", "TLS11"])("takes min_version %s wherever the host can speak it", (version) => {
    const refused =
      "cannot be carried out on Deno, which speaks TLS 1.2 and 1.3 only; set TLS12, or run the agent's binary";
    expect(issues({ min_version: version })).toEqual(onDeno ? [refused] : []);
  });

  test.each(["TLS12", "TLS13"])("takes min_version %s everywhere", (version) => {
    expect(issues({ min_version: version })).toEqual([]);
  });
});
