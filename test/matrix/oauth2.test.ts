import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { connectError, type PushServer, startPushServer } from "../support/push-server.ts";
import { type OAuth2Options, type OAuth2Server, startOAuth2Server } from "./support/oauth2.ts";
import { type ProfileTarget, startProfileTarget } from "./support/profile-target.ts";
import { scrapeTable, toml } from "./support/scrape-config.ts";
import { moreProfiles, scrapeCounts, scraped, untilHealth } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";
import { type Squid, squidProgram, startSquid } from "./support/squid.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const clientId = "agent of site 7";
const secret = "s3cret+of client%6120";
const rotatedSecret = "s3cret-rotated-7731";
const wrongSecret = "wrong-secret-9907";
const parameter = "param-value-3318";
const proxyPassword = "p@ss:w/ord-2291";

const authority = createAuthority("Matrix test authority");
const certificate = authority.issue({ name: "127.0.0.1", hosts: ["127.0.0.1"] });

const directory = mkdtempSync(join(tmpdir(), "pprof-agent-oauth2-"));
const secretFile = join(directory, "client-secret");
writeFileSync(secretFile, `${secret}\n`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A component with an OAuth2 server and a target of its own. */
interface Case {
  readonly server?: Partial<OAuth2Options>;
  /** Lines of the table oauth2 beside client_id and token_url. */
  readonly lines?: () => string;
  readonly targets?: number;
}

const inlineSecret = `client_secret = ${toml(secret)}`;
const cases = {
  many: { targets: 10 },
  form: {
    server: { style: "form" },
    lines: () =>
      `${inlineSecret}\nscopes = ["profiles:read", "profiles:write"]\nendpoint_params = { audience = "${parameter}" }`,
  },
  expiring: { server: { expiresInSeconds: 2 } },
  revoked: {},
  rotated: { lines: () => `client_secret_file = ${toml(secretFile)}` },
  // Tokens end while it is away.
  outage: { server: { expiresInSeconds: 2 } },
  wrong: { lines: () => `client_secret = "${wrongSecret}"` },
  trusted: {
    server: { tls: certificate },
    lines: () => `${inlineSecret}\ntls_config.ca_pem = ${toml(authority.cert)}`,
  },
  untrusted: { server: { tls: certificate } },
  proxied: {
    lines: () =>
      `${inlineSecret}\nproxy_url = "http://edge:${encodeURIComponent(proxyPassword)}@${squid?.address ?? "127.0.0.1:1"}"`,
  },
  pushing: {},
} as const satisfies Readonly<Record<string, Case>>;
type CaseName = keyof typeof cases;

let squid: Squid | undefined;

describe("OAuth2", () => {
  const oauth2 = {} as Record<CaseName, OAuth2Server>;
  const targets = {} as Record<CaseName, ProfileTarget>;
  let pushes: PushServer;
  let agent: Agent;

  beforeAll(async () => {
    pushes = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    if (squidProgram) squid = await startSquid({ users: { edge: proxyPassword } });
    for (const [name, { server }] of entries()) {
      oauth2[name] = await startOAuth2Server({ clientId, secret, ...server });
      targets[name] = await startProfileTarget({ allow: (headers) => oauth2[name].isValid(headers.authorization) });
    }
    pushes.replyWith(({ headers }) =>
      oauth2.pushing.isValid(headers.authorization) ? undefined : connectError("unauthenticated", "no valid token"),
    );
    agent = await startAgent(
      talkative +
        entries()
          .map(([name, one]) => scrapeTables(name, one))
          .join("") +
        `[[pyroscope.write.matrix.endpoint]]\nurl = "${pushes.url}"\n${oauth2Table("pyroscope.write.matrix.endpoint", "pushing", {})}`,
    );
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    const others = [...Object.values(targets), ...Object.values(oauth2), pushes, squid];
    await Promise.all(others.map((one) => one?.[Symbol.asyncDispose]()));
  });

  const entries = (): [CaseName, Case][] => Object.entries(cases) as [CaseName, Case][];

  function scrapeTables(name: CaseName, one: Case): string {
    const addresses = Array.from({ length: one.targets ?? 1 }, (_, index) => `127.0.0.${index + 1}`);
    const own = `{ __address__ = "127.0.0.1:${targets[name].port}", service_name = "${name}" }`;
    const all = addresses.map((address) => own.replace("127.0.0.1", address)).join(", ");
    const table = scrapeTable({ name, address: `127.0.0.1:${targets[name].port}`, scheme: "http", interval: "300ms" });
    return table.replace(own, all) + oauth2Table(`pyroscope.scrape.${name}`, name, one);
  }

  function oauth2Table(parent: string, name: CaseName, { lines = () => inlineSecret }: Case): string {
    return `
[${parent}.oauth2]
client_id = "${clientId}"
token_url = "${oauth2[name].tokenUrl}"
${lines()}
`;
  }

  /** The requests for tokens, by what they were answered. */
  const statuses = (name: CaseName): number[] => oauth2[name].requests.map(({ status }) => status);
  const endpoint = async () => [...(await agent.endpoints("pyroscope.write.matrix")).values()][0];

  test("fetches one token for many targets", async () => {
    await moreProfiles(agent, "many", 20);
    expect((await agent.targets()).filter(({ labels }) => labels.service_name === "many")).toHaveLength(10);
    expect(await scrapeCounts(agent, "many")).toMatchObject({ failed: 0 });
    expect(oauth2.many.requests).toEqual([
      { style: "basic", clientId, secret, form: { grant_type: "client_credentials" }, status: 200 },
    ]);
  });

  test("puts id and secret into the form where the server wants that, with scopes and endpoint_params", async () => {
    expect(await scraped(agent, "form")).toMatchObject({ health: "up" });
    expect(oauth2.form.requests.filter(({ status }) => status === 200)).toEqual([
      {
        style: "form",
        clientId,
        secret,
        form: {
          grant_type: "client_credentials",
          scope: "profiles:read profiles:write",
          audience: parameter,
        },
        status: 200,
      },
    ]);
  });

  test("renews a token before it expires, and no scrape fails", async () => {
    await eventually("three tokens were fetched", () => oauth2.expiring.tokens.length >= 3 || undefined);
    await moreProfiles(agent, "expiring", 1);
    expect(await scrapeCounts(agent, "expiring")).toMatchObject({ failed: 0 });
  });

  test("fetches a new token for one that was revoked, and no scrape fails", async () => {
    await moreProfiles(agent, "revoked", 1);
    oauth2.revoked.revokeAll();
    await moreProfiles(agent, "revoked", 3);
    expect(await scrapeCounts(agent, "revoked")).toMatchObject({ failed: 0 });
    expect(oauth2.revoked.tokens).toHaveLength(2);
    expect(targets.revoked.requests.filter(({ status }) => status === 401)).toHaveLength(1);
  });

  test("uses a secret file that changed, and no scrape fails", async () => {
    await moreProfiles(agent, "rotated", 1);
    writeFileSync(secretFile, `${rotatedSecret}\n`);
    oauth2.rotated.changeSecret(rotatedSecret);
    oauth2.rotated.revokeAll();
    await moreProfiles(agent, "rotated", 3);
    expect(await scrapeCounts(agent, "rotated")).toMatchObject({ failed: 0 });
    expect(oauth2.rotated.requests.at(-1)).toMatchObject({ secret: rotatedSecret, status: 200 });
  });

  test("fails with the reason credentials while the server is away, and comes back by itself", async () => {
    await moreProfiles(agent, "outage", 1);
    await oauth2.outage.stop();
    const { last_error, last_error_reason } = await untilHealth(agent, "outage", "down");
    expect(last_error_reason).toBe("credentials");
    expect(last_error).toContain(`127.0.0.1:${oauth2.outage.port}`);
    await oauth2.outage.restart();
    expect(await untilHealth(agent, "outage", "up")).toMatchObject({ health: "up" });
  });

  test("says that the server refused the client", async () => {
    const { health, last_error, last_error_reason } = await scraped(agent, "wrong");
    expect({ health, last_error_reason }).toEqual({ health: "down", last_error_reason: "credentials" });
    expect(last_error).toMatch(/401.*invalid_client/);
    expect(last_error).toContain(`127.0.0.1:${oauth2.wrong.port}`);
  });

  test("reaches the token URL with TLS settings of its own", async () => {
    expect(await scraped(agent, "trusted")).toMatchObject({ health: "up" });
    const { health, last_error, last_error_reason } = await scraped(agent, "untrusted");
    expect({ health, last_error_reason }).toEqual({ health: "down", last_error_reason: "credentials" });
    expect(last_error).toContain("Matrix test authority");
  });

  test.if(squidProgram !== undefined)(
    "reaches the token URL, and nothing else, through a proxy of its own",
    async () => {
      expect(await scraped(agent, "proxied")).toMatchObject({ health: "up" });
      expect(squid?.log().filter((line) => line.startsWith("GET "))).toEqual([]);
      expect(squid?.log()).toContain(`POST ${oauth2.proxied.tokenUrl} 200 plain edge -`);
    },
  );

  test("authenticates pushes too, and a revoked token costs none", async () => {
    await pushes.waitFor(() => pushes.accepted.length > 3);
    await moreProfiles(agent, "pushing", 1);
    expect(statuses("pushing")).toEqual([200, 200]);
    oauth2.pushing.revokeAll();
    const before = pushes.accepted.length;
    await pushes.waitFor(() => pushes.accepted.length > before + 10);
    expect(await endpoint()).toMatchObject({ state: "up", dropped_profiles: 0 });
    await moreProfiles(agent, "pushing", 2);
    // One for the component that scrapes with the same server, one for the endpoint, and again after the revocation.
    expect(statuses("pushing")).toEqual([200, 200, 200, 200]);
  });

  test("shows no secret and no token", async () => {
    const tokens = Object.values(oauth2).flatMap((server) => server.tokens);
    await expectNoSecrets(agent, [secret, rotatedSecret, wrongSecret, proxyPassword, ...tokens]);
  });
});
