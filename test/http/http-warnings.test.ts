import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { type HttpArguments, httpArguments, httpChecks, httpWarnings } from "../../src/http/index.ts";
import { table } from "../../src/schema/index.ts";
import { createAuthority } from "../support/certificates.ts";

const directory = mkdtempSync(join(tmpdir(), "pprof-agent-warnings-"));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const authority = createAuthority("Example Root");
const [client, other] = [authority.issue({ name: "client" }), authority.issue({ name: "other" })];
const yesterday = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2021-02-03T04:05:06Z") };
const expired = authority.issue({ name: "expired", ...yesterday });
const expiredRoot = createAuthority("Expired Root", yesterday);

const ca = file("ca.pem", authority.cert);
const cert = file("client.pem", client.cert);
const key = file("client.key", client.key);
const otherKey = file("other.key", other.key);
const expiredCert = file("expired.pem", expired.cert);
const expiredKey = file("expired.key", expired.key);
const expiredCa = file("expired-ca.pem", expiredRoot.cert);
const mixedCa = file("mixed-ca.pem", expiredRoot.cert + authority.cert);
const secret = "s3cret-7071";
const good = file("secret", `${secret}\n`);
const empty = file("empty", "\n");
const twoLines = file("two-lines", `${secret}\n${secret}\n`);
const folder = join(directory, "folder");
mkdirSync(folder);
const missing = join(directory, "missing");

const clientSchema = v.pipe(table(httpArguments()), httpChecks());
const https = ["https://shop.example.com/"];

/** The warnings of arguments as they stand in a file. */
async function warningsOf(config: Record<string, unknown>, urls = https, moreUrls = false): Promise<readonly string[]> {
  const args: HttpArguments = v.parse(clientSchema, config);
  return httpWarnings({ args, urls, moreUrls });
}

const noFile = "there is no such file; create it or correct the path";
const oauth2 = { client_id: "a", token_url: "https://login.example.com/token" };

describe("The warnings of the HTTP client's arguments", () => {
  const silent: readonly (readonly [title: string, config: Record<string, unknown>])[] = [
    ["no arguments", {}],
    ["a password", { basic_auth: { username: "edge", password: secret } }],
    ["a password file", { basic_auth: { username: "edge", password_file: good } }],
    ["a token file", { bearer_token_file: good }],
    ["files of all kinds", { tls_config: { ca_file: ca, cert_file: cert, key_file: key } }],
    ["certificates as text", { tls_config: { ca_pem: authority.cert, cert_pem: client.cert, key_pem: client.key } }],
    ["an authority that has expired beside one that has not", { tls_config: { ca_file: mixedCa } }],
    [
      "every form of no_proxy",
      {
        proxy_url: "http://proxy:3128",
        no_proxy: "localhost,10.0.0.0/8, .internal *.test,h:80,[::1]:80,fd00::/8,::1,1.2.3.4:5,7.example.com,*",
      },
    ],
  ];
  test.each(silent)("are none for %s", async (_title, config) => {
    expect(await warningsOf(config)).toEqual([]);
  });

  const files: readonly (readonly [config: Record<string, unknown>, warning: string])[] = [
    [
      { basic_auth: { username: "edge", password_file: missing } },
      `basic_auth.password_file: Cannot read the password from "${missing}": ${noFile}`,
    ],
    [
      { authorization: { credentials_file: folder } },
      `authorization.credentials_file: Cannot read the credentials from "${folder}": it is not a regular file; correct the path`,
    ],
    [
      { bearer_token_file: empty },
      `bearer_token_file: Cannot read the bearer token from "${empty}": it is empty; write it anew`,
    ],
    [
      { bearer_token_file: twoLines },
      `bearer_token_file: Cannot read the bearer token from "${twoLines}": it holds more than one line; write nothing but the secret into it`,
    ],
    [
      { oauth2: { ...oauth2, client_secret_file: missing } },
      `oauth2.client_secret_file: Cannot read the client secret from "${missing}": ${noFile}`,
    ],
    [
      { oauth2: { ...oauth2, client_secret: secret, tls_config: { ca_file: missing } } },
      `oauth2.tls_config.ca_file: Cannot read the certificate authorities from "${missing}": ${noFile}`,
    ],
    [
      { tls_config: { ca_file: good } },
      `tls_config.ca_file: Cannot read the certificate authorities from "${good}": it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`,
    ],
    [
      { tls_config: { ca_file: expiredCa } },
      `tls_config.ca_file: The certificates of "${expiredCa}" have all expired, the last on 2021-02-03T04:05:06.000Z; put newer ones there`,
    ],
    [
      { tls_config: { ca_pem: expiredRoot.cert } },
      "tls_config.ca_pem: The certificates have all expired, the last on 2021-02-03T04:05:06.000Z; put newer ones there",
    ],
    [
      { tls_config: { cert_file: missing, key_file: key } },
      `tls_config.cert_file: Cannot read the client certificate from "${missing}": ${noFile}`,
    ],
    [
      { tls_config: { cert_file: cert, key_file: missing } },
      `tls_config.key_file: Cannot read the client key from "${missing}": ${noFile}`,
    ],
    [
      { tls_config: { cert_file: cert, key_file: otherKey } },
      `tls_config.cert_file: Cannot use the client certificate of "${cert}" with the key of "${otherKey}": they do not belong together; replace both`,
    ],
    [
      { tls_config: { cert_pem: client.cert, key_file: otherKey } },
      `tls_config.cert_pem: Cannot use the client certificate of "cert_pem" with the key of "${otherKey}": they do not belong together; replace both`,
    ],
    [
      { tls_config: { cert_file: expiredCert, key_file: expiredKey } },
      `tls_config.cert_file: The client certificate of "${expiredCert}" has expired on 2021-02-03T04:05:06.000Z, and servers will refuse it; renew it`,
    ],
  ];
  test.each(files)("tell of the files of %j", async (config, warning) => {
    expect(await warningsOf(config)).toEqual([warning]);
  });

  test("tell of a certificate and a key that stand in each other's place", async () => {
    expect(await warningsOf({ tls_config: { cert_file: key, key_file: cert } })).toEqual([
      `tls_config.cert_file: Cannot read the client certificate from "${key}": it holds a key and no certificate; was the key put in its place?`,
      `tls_config.key_file: Cannot read the client key from "${cert}": it holds a certificate and no key; was the certificate put in its place?`,
    ]);
  });

  const odd: readonly (readonly [config: Record<string, unknown>, warnings: readonly string[]])[] = [
    [
      { basic_auth: {} },
      [
        "basic_auth.username: missing or empty, so an empty one is sent; set it",
        "basic_auth.password: missing or empty, so an empty one is sent; set it, or basic_auth.password_file",
      ],
    ],
    [
      { basic_auth: { username: "", password: secret } },
      ["basic_auth.username: missing or empty, so an empty one is sent; set it"],
    ],
    [
      { authorization: { type: secret } },
      [
        "authorization.credentials: missing or empty, so an empty one is sent; set it, or authorization.credentials_file",
      ],
    ],
    [{ bearer_token: "" }, ["bearer_token: missing or empty, so an empty one is sent; set it, or bearer_token_file"]],
    [
      { tls_config: { insecure_skip_verify: true } },
      [
        "tls_config: insecure_skip_verify accepts any certificate, also that of whoever sits in between; put the server's own into ca_file instead",
      ],
    ],
    [
      { tls_config: { insecure_skip_verify: true, ca_file: ca } },
      [
        "tls_config: insecure_skip_verify accepts any certificate, so that ca_file is without effect; remove insecure_skip_verify",
      ],
    ],
    [
      { oauth2: { ...oauth2, client_secret: secret, proxy_url: "http://proxy", no_proxy: "10.0.0.0/33" } },
      ['oauth2.no_proxy: "10.0.0.0/33" matches nothing: behind the / belongs a number from 0 to 32'],
    ],
  ];
  test.each(odd)("tell what is probably not meant in %j", async (config, warnings) => {
    const said = await warningsOf(config);
    expect(said).toEqual([...warnings]);
    expect(said.join()).not.toContain(secret);
  });

  const tls = { tls_config: { ca_file: ca } };
  const unused =
    "tls_config: without effect, because nothing is requested over https; set the scheme to https, or remove it";
  const uses: readonly (readonly [
    title: string,
    config: Record<string, unknown>,
    urls: string[],
    more: boolean,
    said: string[],
  ])[] = [
    ["http URLs", tls, ["http://a/", "unix:///run/a.sock"], false, [unused]],
    ["one https URL", tls, ["http://a/", "HTTPS://b/"], false, []],
    ["URLs that are not known yet", tls, ["http://a/"], true, []],
    ["no URL at all", tls, [], false, []],
    ["an https proxy", { ...tls, proxy_url: "https://proxy" }, ["http://a/"], false, []],
    ["a proxy of the environment", { ...tls, proxy_from_environment: true }, ["http://a/"], false, []],
    ["an http proxy", { ...tls, proxy_url: "http://proxy" }, ["http://a/"], false, [unused]],
  ];
  test.each(uses)("say whether tls_config is used for %s", async (_title, config, urls, more, said) => {
    expect(await warningsOf(config, urls, more)).toEqual(said);
  });

  test("say whether the tls_config of a token request is used", async () => {
    const config = { oauth2: { ...oauth2, token_url: "http://localhost/token", client_secret: secret, ...tls } };
    expect(await warningsOf(config)).toEqual([`oauth2.${unused}`]);
  });
});
