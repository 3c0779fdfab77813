import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { eventually } from "../support/child.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { goroutineLocation, type Nginx, nginxProgram, startNginx } from "./support/nginx.ts";
import { type ProfileTarget, startProfileTarget } from "./support/profile-target.ts";
import { scrapeTable, toml } from "./support/scrape-config.ts";
import { moreProfiles, scrapeCounts, scraped } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const password = "p@ss:wörd-4402";
const token = "t0ken.of/the+site-6120";
const wrong = "wrong-secret-9907";
const rotatedPassword = "p@ss:wörd-rotated-5513";
const rotatedToken = "t0ken-rotated-7731";
const [firstSite, secondSite] = ["site-header-1188", "site-header-2299"];
const secrets = [password, token, wrong, rotatedPassword, rotatedToken, firstSite, secondSite];

const directory = mkdtempSync(join(tmpdir(), "pprof-agent-secrets-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A file that holds a secret as editors write it, with a line break behind. */
function secretFile(name: string, secret: string): string {
  const file = join(directory, name);
  writeFileSync(file, `${secret}\n`);
  return file;
}

/** A line of nginx's password file. */
function userLine(secret: string): string {
  return `edge:{SHA}${createHash("sha1").update(secret).digest("base64")}\n`;
}

/** What a port of nginx asks for. */
type Lock = "basic" | "bearer" | "custom";

/** One way to authenticate: the lock it is for, and the argument that carries it. */
type Row = readonly [name: string, lock: Lock, argument: string];

const opening: readonly Row[] = [
  ["password", "basic", `basic_auth = { username = "edge", password = ${toml(password)} }`],
  [
    "password_file",
    "basic",
    `basic_auth = { username = "edge", password_file = ${toml(secretFile("password", password))} }`,
  ],
  ["credentials", "bearer", `authorization = { credentials = ${toml(token)} }`],
  ["credentials_with_type", "custom", `authorization = { type = "Token", credentials = ${toml(token)} }`],
  ["credentials_file", "bearer", `authorization = { credentials_file = ${toml(secretFile("credentials", token))} }`],
  ["bearer_token", "bearer", `bearer_token = ${toml(token)}`],
  ["bearer_token_file", "bearer", `bearer_token_file = ${toml(secretFile("bearer", token))}`],
];

const refused: readonly Row[] = [
  ["no_password", "basic", `enable_http2 = false`],
  ["wrong_password", "basic", `basic_auth = { username = "edge", password = ${toml(wrong)} }`],
  ["wrong_user", "basic", `basic_auth = { username = "nobody", password = ${toml(password)} }`],
  ["wrong_token", "bearer", `bearer_token = ${toml(wrong)}`],
  ["wrong_type", "custom", `bearer_token = ${toml(token)}`],
];

const missingFile = join(directory, "no-such-file");
const unreadable: readonly Row[] = [
  ["missing_password_file", "basic", `basic_auth = { username = "edge", password_file = ${toml(missingFile)} }`],
  ["missing_token_file", "bearer", `bearer_token_file = ${toml(missingFile)}`],
];

const rows = [...opening, ...refused, ...unreadable];
const [openNames, refusedNames, unreadableNames] = [opening, refused, unreadable].map((some) =>
  some.map(([name]) => name),
) as [string[], string[], string[]];

describe.if(nginxProgram !== undefined)("a server that wants credentials", () => {
  let server: PushServer;
  let target: ProfileTarget;
  let nginx: Nginx<Lock | "rotating">;
  let agent: Agent;
  let rotatingToken = token;
  const rotatingFiles = {
    password: secretFile("rotating-password", password),
    token: secretFile("rotating-token", token),
  };

  beforeAll(async () => {
    server = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    target = await startProfileTarget({
      allow: ({ authorization, "x-site": site }) =>
        authorization === `Bearer ${rotatingToken}` || site === `${firstSite}, ${secondSite}`,
    });
    const behind = (check: string): string => `${check}
      ${goroutineLocation}
      location /push.v1.PusherService/ { proxy_pass ${server.url}; }`;
    const wants = (authorization: string): string =>
      `if ($http_authorization != "${authorization}") { return 401 "no access\\n"; }`;
    nginx = await startNginx({
      servers: {
        basic: { block: behind(`auth_basic profiles; auth_basic_user_file users;`) },
        bearer: { block: behind(wants(`Bearer ${token}`)) },
        custom: { block: behind(wants(`Token ${token}`)) },
        rotating: { block: behind(`auth_basic profiles; auth_basic_user_file rotating-users;`) },
      },
      files: { users: userLine(password), "rotating-users": userLine(password) },
    });
    agent = await startAgent(talkative + configuration());
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([target, nginx, server].map((one) => one?.[Symbol.asyncDispose]()));
  });

  function configuration(): string {
    const rotatingPassword = `basic_auth = { username = "edge", password_file = ${toml(rotatingFiles.password)} }`;
    const addressOf = (lock: Lock | "rotating"): string => `127.0.0.1:${nginx.ports[lock]}`;
    const scrape = (name: string, address: string, lines: string): string =>
      scrapeTable({ name, address, lines, scheme: "http", interval: "500ms" });
    const endpoint = (name: string, lock: Lock | "rotating", argument: string): string => `
[[pyroscope.write.authenticated.endpoint]]
name = "${name}"
url = "http://${addressOf(lock)}"
min_backoff_period = "100ms"
max_backoff_period = "500ms"
${argument}
`;
    return [
      ...rows.map(([name, lock, argument]) => scrape(name, addressOf(lock), argument)),
      ...rows.map(([name, lock, argument]) => phlare(scrape(`phlare_${name}`, addressOf(lock), inConfig(argument)))),
      phlare(
        scrape("phlare_credential", addressOf("bearer"), inConfig(`authorization = { credential = ${toml(token)} }`)),
      ),
      scrape("headers", `127.0.0.1:${target.port}`, `http_headers = { "X-Site" = ["${firstSite}", "${secondSite}"] }`),
      scrape("rotating_password", addressOf("rotating"), rotatingPassword),
      scrape("rotating_token", `127.0.0.1:${target.port}`, `bearer_token_file = ${toml(rotatingFiles.token)}`),
      scrape("pushed", addressOf("basic"), opening[0]?.[2] ?? "").replace(".matrix", ".authenticated"),
      ...rows.map(([name, lock, argument]) => endpoint(name, lock, argument)),
      endpoint("rotating_password", "rotating", rotatingPassword),
      `[[pyroscope.write.matrix.endpoint]]\nurl = "${server.url}"\n`,
    ].join("");
  }

  const phlare = (tables: string): string => tables.replaceAll("[pyroscope.scrape.", "[phlare.scrape.");
  const inConfig = (argument: string): string => `http_client_config = { ${argument} }`;
  const endpointOf = async (name: string) => (await agent.endpoints("pyroscope.write.authenticated")).get(name);

  describe.each(["", "phlare_"])("of a %s scrape", (prefix) => {
    test.each(openNames)("opens with %s", async (name) => {
      const { health, last_error } = await scraped(agent, prefix + name);
      expect({ health, last_error }).toEqual({ health: "up", last_error: undefined });
    });

    test.each(refusedNames)("answers 401 to %s", async (name) => {
      const { health, last_error_reason, last_error } = await scraped(agent, prefix + name);
      expect({ health, last_error_reason }).toEqual({ health: "down", last_error_reason: "http_4xx" });
      expect(last_error).toMatch(/HTTP status 401.*credentials/);
    });

    test.each(unreadableNames)("is not asked with %s", async (name) => {
      const { health, last_error_reason, last_error } = await scraped(agent, prefix + name);
      expect({ health, last_error_reason }).toEqual({ health: "down", last_error_reason: "credentials" });
      expect(last_error).toContain(missingFile);
    });
  });

  test("opens with phlare's older spelling, credential", async () => {
    expect(await scraped(agent, "phlare_credential")).toMatchObject({ health: "up" });
  });

  test("gets every value of http_headers", async () => {
    expect(await scraped(agent, "headers")).toMatchObject({ health: "up" });
  });

  describe("of a push", () => {
    test.each([...openNames, "rotating_password"])("opens with %s", async (name) => {
      await eventually(
        `"${name}" takes profiles`,
        async () => ((await endpointOf(name))?.sent_profiles ?? 0) > 0 || undefined,
      );
    });

    test.each(refusedNames)("answers 401 to %s", async (name) => {
      const { last_error, sent_profiles } = await eventually(`"${name}" is down`, async () => {
        const endpoint = await endpointOf(name);
        return endpoint?.state === "down" ? endpoint : undefined;
      });
      expect(last_error).toMatch(/401.*authentication/);
      expect(sent_profiles).toBe(0);
    });

    test.each(unreadableNames)("is not asked with %s", async (name) => {
      const { last_error, sent_profiles } = await eventually(`"${name}" is down`, async () => {
        const endpoint = await endpointOf(name);
        return endpoint?.state === "down" ? endpoint : undefined;
      });
      expect(last_error).toContain(missingFile);
      expect(sent_profiles).toBe(0);
    });
  });

  test("may change its password: no scrape fails but the one in flight, no push is lost", async () => {
    await moreProfiles(agent, "rotating_password", 2);
    const before = await scrapeCounts(agent, "rotating_password");
    const sentBefore = (await endpointOf("rotating_password"))?.sent_profiles ?? 0;
    writeFileSync(rotatingFiles.password, `${rotatedPassword}\n`);
    writeFileSync(join(nginx.directory, "rotating-users"), userLine(rotatedPassword));
    await moreProfiles(agent, "rotating_password", 4);
    await eventually(
      "pushes go on",
      async () => ((await endpointOf("rotating_password"))?.sent_profiles ?? 0) >= sentBefore + 4 || undefined,
    );
    expect((await scrapeCounts(agent, "rotating_password")).failed - before.failed).toBeLessThanOrEqual(1);
    expect(await endpointOf("rotating_password")).toMatchObject({ state: "up", dropped_profiles: 0 });
  });

  test("may change its token: no scrape fails but the one in flight", async () => {
    await moreProfiles(agent, "rotating_token", 2);
    const before = await scrapeCounts(agent, "rotating_token");
    writeFileSync(rotatingFiles.token, `${rotatedToken}\n`);
    rotatingToken = rotatedToken;
    await moreProfiles(agent, "rotating_token", 4);
    expect((await scrapeCounts(agent, "rotating_token")).failed - before.failed).toBeLessThanOrEqual(1);
  });

  test("finds its credentials nowhere else", () => expectNoSecrets(agent, secrets));
});
