import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { type Certificate, createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { goroutineLocation, type Nginx, nginxProgram, type NginxRequest, startNginx } from "./support/nginx.ts";
import { scrapeTable, toml, writeTable } from "./support/scrape-config.ts";
import { moreProfiles, scrapeCounts, untilHealth } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const [oldRoot, newRoot] = [createAuthority("Old Server Root"), createAuthority("New Server Root")];
const [oldClients, newClients] = [createAuthority("Old Client Root"), createAuthority("New Client Root")];
const hosts = ["127.0.0.1"];
const servers = { old: oldRoot.issue({ name: "old", hosts }), new: newRoot.issue({ name: "new", hosts }) };
const clients = { old: oldClients.issue({ name: "edge-7" }), new: newClients.issue({ name: "edge-7" }) };
const passwords = { old: "hidden-password-old", new: "hidden-password-new" };
const secrets = [...Object.values(passwords), clients.old.key, clients.new.key];

/** Ways of replacing a file. The first is how careful programs do it, the second what `>` in a shell does. */
const manners = {
  "by rename": (path: string, text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  },
  "in place": (path: string, text: string): void => writeFileSync(path, text),
};

describe.skipIf(nginxProgram === undefined).each(Object.entries(manners))("files replaced %s", (_, replace) => {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-rotation-"));
  const ours = (name: string): string => join(directory, name);
  let push: PushServer;
  let nginx: Nginx<"mutual" | "server" | "password" | "push">;
  let agent: Agent;

  beforeAll(async () => {
    writeFileSync(ours("client.pem"), clients.old.cert);
    writeFileSync(ours("client.key"), clients.old.key);
    writeFileSync(ours("ca.pem"), oldRoot.cert);
    writeFileSync(ours("password"), `${passwords.old}\n`);
    push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    // Two requests per connection: files are looked at again and again, and connections reused all the same.
    const tls = (name: string): string =>
      `ssl_certificate ${name}.pem; ssl_certificate_key ${name}.key; keepalive_requests 2;`;
    const basic = "auth_basic matrix; auth_basic_user_file htpasswd;";
    nginx = await startNginx({
      servers: {
        mutual: {
          listen: "ssl",
          block: `${tls("fixed")} ssl_client_certificate clients.pem; ssl_verify_client on; ${goroutineLocation}`,
        },
        server: { listen: "ssl", block: `${tls("server")} ${goroutineLocation}` },
        password: { block: `${basic} ${goroutineLocation}` },
        push: { block: `${basic} location / { proxy_pass ${push.url}; }` },
      },
      files: {
        "fixed.pem": servers.old.cert,
        "fixed.key": servers.old.key,
        "server.pem": servers.old.cert,
        "server.key": servers.old.key,
        "clients.pem": oldClients.cert,
        htpasswd: htpasswd(passwords.old),
      },
    });
    const login = `basic_auth = { username = "edge", password_file = ${toml(ours("password"))} }`;
    const linesOf = {
      mutual: `tls_config = { ca_pem = ${toml(oldRoot.cert)}, cert_file = ${toml(ours("client.pem"))}, key_file = ${toml(ours("client.key"))} }`,
      server: `tls_config = { ca_file = ${toml(ours("ca.pem"))} }`,
      password: login,
    };
    const tables = (["mutual", "server", "password"] as const).map((name) =>
      scrapeTable({
        name,
        address: `127.0.0.1:${nginx.ports[name]}`,
        scheme: name === "password" ? "http" : "https",
        interval: "100ms",
        lines: linesOf[name],
      }),
    );
    agent = await startAgent(
      talkative +
        tables.join("") +
        writeTable(`http://127.0.0.1:${nginx.ports.push}`, `${login}\nmin_backoff_period = "50ms"`),
    );
    await Promise.all(tables.map((_table, i) => moreProfiles(agent, ["mutual", "server", "password"][i] as string, 3)));
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([nginx?.[Symbol.asyncDispose](), push?.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const tellNginx = (name: string, text: string): void => manners["by rename"](join(nginx.directory, name), text);
  const failed = async (name: string): Promise<number> => (await scrapeCounts(agent, name)).failed;
  const lastSeenAt = (name: keyof typeof nginx.ports): NginxRequest | undefined =>
    nginx.requests().findLast(({ port }) => port === String(nginx.ports[name]));

  test("a new client certificate and key are used without a failed scrape", async () => {
    tellNginx("clients.pem", oldClients.cert + newClients.cert);
    await nginx.reload();
    replace(ours("client.pem"), clients.new.cert);
    // Whoever rotates by hand may take his time between the two.
    await moreProfiles(agent, "mutual", 4);
    expect(lastSeenAt("mutual")).toMatchObject({ clientIssuer: "CN=Old Client Root", clientVerify: "SUCCESS" });
    replace(ours("client.key"), clients.new.key);
    await eventually(
      "the new certificate is shown",
      () => lastSeenAt("mutual")?.clientIssuer === "CN=New Client Root" || undefined,
    );
    tellNginx("clients.pem", newClients.cert);
    await nginx.reload();
    await moreProfiles(agent, "mutual", 6);
    expect(lastSeenAt("mutual")).toMatchObject({ clientIssuer: "CN=New Client Root", clientVerify: "SUCCESS" });
    expect(await failed("mutual")).toBe(0);
  });

  test("a new authority is trusted, and the old one no longer, without a failed scrape", async () => {
    const serve = async ({ cert, key }: Certificate): Promise<void> => {
      tellNginx("server.pem", cert);
      tellNginx("server.key", key);
      await nginx.reload();
    };
    replace(ours("ca.pem"), oldRoot.cert + newRoot.cert);
    await moreProfiles(agent, "server", 3);
    await serve(servers.new);
    await moreProfiles(agent, "server", 4);
    replace(ours("ca.pem"), newRoot.cert);
    await moreProfiles(agent, "server", 6);
    expect(await failed("server")).toBe(0);

    await serve(servers.old);
    // Longer than limits.tlsExplanationRetryMs: while nginx changes over, the first look may meet the certificate that is trusted.
    const timeoutMs = 20_000;
    const named = async (): Promise<true | undefined> => {
      const { last_error } = await untilHealth(agent, "server", "down");
      return last_error?.includes('its certificate comes from the unknown issuer "Old Server Root"') || undefined;
    };
    await eventually("the error names the issuer", named, timeoutMs);
    await serve(servers.new);
    await untilHealth(agent, "server", "up");
  });

  test("a new password is used by scrapes and pushes; at most the scrape in flight fails", async () => {
    const [before, pushedBefore] = [await failed("password"), push.accepted.length];
    tellNginx("htpasswd", htpasswd(passwords.new));
    replace(ours("password"), `${passwords.new}\n`);
    await moreProfiles(agent, "password", 10);
    expect((await failed("password")) - before).toBeLessThanOrEqual(1);
    await push.waitFor(() => push.accepted.length > pushedBefore + 10);
    const expected = `Basic ${Buffer.from(`edge:${passwords.new}`).toString("base64")}`;
    for (const name of ["password", "push"] as const)
      expect(lastSeenAt(name)).toMatchObject({ authorization: expected, status: "200" });
    expect(await agent.metric("pyroscope_write_dropped_profiles_total")).toBe(0);
  });

  test("no secret was given away", () => expectNoSecrets(agent, secrets));
});

function htpasswd(password: string): string {
  return `edge:{PLAIN}${password}\n`;
}
