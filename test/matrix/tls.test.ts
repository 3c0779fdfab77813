import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, agentCommand, startAgent } from "../e2e/agent.ts";
import { goCommand } from "../e2e/go-target.ts";
import { createAuthority, selfSignedCertificate } from "../support/certificates.ts";
import { eventually, runChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { type GoTlsTarget, startGoTlsTarget } from "./support/go-tls-target.ts";
import { goroutineLocation, type Nginx, nginxProgram, startNginx } from "./support/nginx.ts";
import { scrapeTable, toml, writeTable } from "./support/scrape-config.ts";
import { scraped } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const onDeno = process.env.AGENT_UNDER_TEST === "deno";

const authority = createAuthority("Matrix Root");
const stranger = createAuthority("Strange Root");
const intermediate = authority.delegate("Matrix Intermediate");
const certificates = {
  good: authority.issue({ name: "good", hosts: ["127.0.0.1", "localhost"] }),
  chained: intermediate.issue({ name: "chained", hosts: ["127.0.0.1"] }),
  named: authority.issue({ name: "named", hosts: ["profiles.example.com"] }),
  expired: authority.issue({
    name: "expired",
    hosts: ["127.0.0.1"],
    notBefore: new Date("2024-01-01T00:00:00Z"),
    notAfter: new Date("2025-03-04T05:06:07Z"),
  }),
  selfSigned: selfSignedCertificate({ name: "self-signed", hosts: ["127.0.0.1"] }),
};
type CertificateName = keyof typeof certificates;

const secrets = ["hidden-password-of-the-push"];

const files: Record<string, string> = { htpasswd: `edge:{PLAIN}${secrets[0]}\n` };
for (const [name, { cert, key }] of Object.entries(certificates)) {
  files[`${name}.pem`] = name === "chained" ? cert + intermediate.cert : cert;
  files[`${name}.key`] = key;
}

const withTls = (name: CertificateName, more = ""): { listen: string; block: string } => ({
  listen: "ssl",
  block: `ssl_certificate ${name}.pem; ssl_certificate_key ${name}.key; ${more} ${goroutineLocation}`,
});
// OpenSSL 3 speaks TLS 1.0 and 1.1 at its lowest security level only.
const old = (protocol: string) => withTls("good", `ssl_protocols ${protocol}; ssl_ciphers DEFAULT:@SECLEVEL=0;`);

type ServerName = keyof ReturnType<typeof serversOf>;
const serversOf = (push: PushServer, sniPort: number) => ({
  plain: { block: goroutineLocation },
  good: withTls("good"),
  chained: withTls("chained"),
  expired: withTls("expired"),
  selfSigned: withTls("selfSigned"),
  tls13: withTls("good", "ssl_protocols TLSv1.3;"),
  tls12: withTls("good", "ssl_protocols TLSv1.2;"),
  tls11: old("TLSv1.1"),
  tls10: old("TLSv1"),
  // Two certificates behind one port: which one is shown depends on the name that the client asks for.
  sni: { ...withTls("good", "server_name default.example.com;"), port: sniPort, listen: "ssl default_server" },
  sniByName: { ...withTls("named", "server_name profiles.example.com;"), port: sniPort },
  push: {
    listen: "ssl",
    block: `ssl_certificate named.pem; ssl_certificate_key named.key;
      auth_basic matrix; auth_basic_user_file htpasswd; location / { proxy_pass ${push.url}; }`,
  },
});

interface Case {
  readonly name: string;
  readonly at: ServerName | "go";
  readonly scheme?: "http" | "https";
  /** Entries of tls_config; `CA_FILE` and `WRONG_CA_FILE` stand for paths. */
  readonly tls?: string;
  /** The TLS version that the server saw, where it must be this one. */
  readonly version?: string;
  /** What last_error says, and its reason ("tls" by default); without words the target must be up. */
  readonly words?: RegExp;
  readonly reason?: string;
  readonly not?: "deno";
}

const ca = `ca_pem = ${toml(authority.cert)}`;
const cases: readonly Case[] = [
  { name: "ca_pem", at: "good", tls: ca },
  { name: "ca_file", at: "good", tls: "ca_file = CA_FILE" },
  { name: "ca_of_several", at: "good", tls: `ca_pem = ${toml(stranger.cert + authority.cert)}` },
  { name: "chain_sent_by_server", at: "chained", tls: ca },
  { name: "no_ca", at: "good", words: /issuer.*"Matrix Root"/ },
  { name: "wrong_ca_pem", at: "good", tls: `ca_pem = ${toml(stranger.cert)}`, words: /issuer.*"Matrix Root"/ },
  { name: "wrong_ca_file", at: "good", tls: "ca_file = WRONG_CA_FILE", words: /issuer.*"Matrix Root"/ },
  { name: "absent_ca_file", at: "good", tls: `ca_file = "/no/such/ca.pem"`, words: /\/no\/such\/ca\.pem/ },
  { name: "self_signed", at: "selfSigned", words: /self-signed/ },
  { name: "self_signed_trusted", at: "selfSigned", tls: `ca_pem = ${toml(certificates.selfSigned.cert)}` },
  { name: "server_name_by_sni", at: "sni", tls: `${ca}, server_name = "profiles.example.com"` },
  { name: "default_name", at: "sni", tls: ca },
  {
    name: "wrong_name",
    at: "good",
    tls: `${ca}, server_name = "other.example.com"`,
    words: /"?127\.0\.0\.1"?.*"?other\.example\.com"?|"?other\.example\.com"?.*"?127\.0\.0\.1"?/,
  },
  { name: "insecure_unknown_issuer", at: "good", tls: "insecure_skip_verify = true" },
  { name: "insecure_expired", at: "expired", tls: "insecure_skip_verify = true" },
  { name: "insecure_wrong_name", at: "good", tls: `insecure_skip_verify = true, server_name = "other.example.com"` },
  { name: "expired", at: "expired", tls: ca, words: /expired on 2025-03-04/ },
  { name: "min_tls13", at: "tls13", tls: `${ca}, min_version = "TLS13"`, version: "TLSv1.3" },
  { name: "min_tls13_of_12", at: "tls12", tls: `${ca}, min_version = "TLS13"`, words: /TLS.*1\.3|TLS13|version/ },
  { name: "min_tls12", at: "tls12", tls: `${ca}, min_version = "TLS12"`, version: "TLSv1.2" },
  { name: "default_of_tls11", at: "tls11", tls: ca, words: /TLS.*1\.2|TLS12|version/ },
  { name: "default_of_tls10", at: "tls10", tls: ca, words: /TLS.*1\.2|TLS12|version/ },
  { name: "min_tls11", at: "tls11", tls: `${ca}, min_version = "TLS11"`, version: "TLSv1.1", not: "deno" },
  { name: "min_tls10", at: "tls10", tls: `${ca}, min_version = "TLS10"`, version: "TLSv1", not: "deno" },
  { name: "https_to_plain_port", at: "plain", tls: ca, words: /plain http/ },
  {
    name: "http_to_tls_port",
    at: "good",
    scheme: "http",
    reason: "http_4xx",
    words: /The plain HTTP request was sent to HTTPS/,
  },
  { name: "http_to_plain_port", at: "plain", scheme: "http" },
  ...(goCommand === undefined
    ? []
    : ([
        { name: "go_program", at: "go", tls: ca },
        { name: "go_program_unknown", at: "go", words: /issuer.*"Matrix Root"/ },
        {
          name: "http_to_go_program",
          at: "go",
          scheme: "http",
          reason: "http_4xx",
          words: /HTTP request to an HTTPS server/,
        },
      ] as const)),
];
const ours = cases.filter((one) => !(onDeno && one.not === "deno"));

describe.skipIf(nginxProgram === undefined)("TLS", () => {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-tls-"));
  let push: PushServer;
  let nginx: Nginx<ServerName>;
  let go: GoTlsTarget | undefined;
  let agent: Agent;

  beforeAll(async () => {
    const caFile = join(directory, "ca.pem");
    const wrongCaFile = join(directory, "wrong-ca.pem");
    writeFileSync(caFile, authority.cert);
    writeFileSync(wrongCaFile, stranger.cert);
    push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    nginx = await startNginx({ servers: serversOf(push, await freePort()), files });
    if (goCommand !== undefined) go = await startGoTlsTarget(certificates.good);
    const address = (at: Case["at"]): string => (at === "go" ? (go?.address ?? "") : `127.0.0.1:${nginx.ports[at]}`);
    const tables = ours.map(({ name, at, scheme, tls = "" }) => {
      const entries = tls.replace(/\bCA_FILE/, toml(caFile)).replace(/\bWRONG_CA_FILE/, toml(wrongCaFile));
      const lines = entries === "" ? "" : `tls_config = { ${entries} }`;
      return scrapeTable({ name, address: address(at), lines, ...(scheme && { scheme }) });
    });
    agent = await startAgent(
      talkative +
        tables.join("") +
        writeTable(
          `https://127.0.0.1:${nginx.ports.push}`,
          `tls_config = { ${ca}, server_name = "profiles.example.com" }
basic_auth = { username = "edge", password = "${secrets[0]}" }`,
        ),
    );
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([nginx?.[Symbol.asyncDispose](), go?.close(), push?.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(ours.filter(({ words }) => words === undefined))("$name: is scraped, and pushed over TLS", async (one) => {
    expect(await scraped(agent, one.name)).toMatchObject({ health: "up" });
    await push.waitFor(() => push.accepted.some(({ labels }) => labels.service_name === one.name));
    if (one.version === undefined) return;
    const port = String(nginx.ports[one.at as ServerName]);
    const versions = nginx.requests().filter((request) => request.port === port);
    expect(new Set(versions.map(({ tls }) => tls))).toEqual(new Set([one.version]));
  });

  test.each(ours.filter(({ words }) => words !== undefined))("$name: is down and says why", async (one) => {
    const { health, last_error, last_error_reason } = await scraped(agent, one.name);
    expect({ health, last_error_reason }).toEqual({ health: "down", last_error_reason: one.reason ?? "tls" });
    expect(last_error).toMatch(one.words as RegExp);
  });

  test("server_name is what the server is asked for, and what it answers for", async () => {
    await scraped(agent, "server_name_by_sni");
    await scraped(agent, "default_name");
    const port = String(nginx.ports.sni);
    const asked = nginx.requests().filter((request) => request.port === port);
    expect(new Set(asked.map(({ sni }) => sni))).toEqual(new Set(["profiles.example.com", ""]));
  });

  test("what is pushed goes over TLS and is authenticated", async () => {
    await eventually("something was pushed", () => push.accepted.length > 0 || undefined);
    const pushed = nginx.requests().filter(({ method }) => method === "POST");
    expect(new Set(pushed.map(({ sni, status }) => `${sni} ${status}`))).toEqual(new Set(["profiles.example.com 200"]));
  });

  test("no secret was given away", () =>
    expectNoSecrets(agent, [...secrets, ...Object.values(certificates).map(({ key }) => key)]));
});

describe.skipIf(nginxProgram === undefined)("the trust of the system", () => {
  test("is taken from $SSL_CERT_FILE, and lost with a ca of one's own", async () => {
    await using push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    await using nginx = await startNginx({ servers: { good: withTls("good") }, files });
    const address = `127.0.0.1:${nginx.ports.good}`;
    const config =
      scrapeTable({ name: "system", address }) +
      scrapeTable({ name: "own", address, lines: `tls_config.ca_pem = ${toml(stranger.cert)}` });
    writeFileSync(join(nginx.directory, "system.pem"), authority.cert);
    await using agent = await startAgent(config + writeTable(push.url), {
      // Deno has roots of its own unless it is told otherwise.
      env: { SSL_CERT_FILE: join(nginx.directory, "system.pem"), ...(onDeno && { DENO_TLS_CA_STORE: "system" }) },
    });
    await push.waitFor(() => push.accepted.length > 0);
    const targets = await eventually("both were scraped", async () => {
      const found = await agent.targets();
      return found.every(({ health }) => health !== "unknown") ? found : undefined;
    });
    expect(Object.fromEntries(targets.map(({ labels, health }) => [labels.service_name, health]))).toEqual({
      system: "up",
      own: "down",
    });
  });
});

if (onDeno)
  test.each(["TLS10", "TLS11"])("on Deno min_version %s is refused with its reason", async (version) => {
    const directory = mkdtempSync(join(tmpdir(), "pprof-agent-tls-"));
    try {
      const file = join(directory, "agent.toml");
      const lines = `tls_config.min_version = "${version}"`;
      writeFileSync(
        file,
        scrapeTable({ name: "old", address: "127.0.0.1:1", lines }) + writeTable("http://127.0.0.1:1"),
      );
      const { exit, stdout, stderr } = await runChild([...agentCommand, "check", "--config", file]);
      expect(exit).not.toBe(0);
      expect(stdout + stderr).toMatch(/tls_config\.min_version: cannot be carried out on Deno, .*TLS12/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
