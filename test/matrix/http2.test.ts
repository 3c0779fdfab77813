import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { createAuthority } from "../support/certificates.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { type Caddy, caddyProgram, goroutineSite, startCaddy } from "./support/caddy.ts";
import { goroutineLocation, type Nginx, nginxProgram, startNginx } from "./support/nginx.ts";
import { scrapeTable, toml, writeTable } from "./support/scrape-config.ts";
import { moreProfiles, scrapeCounts, scraped } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const authority = createAuthority("HTTP/2 Root");
const certificate = authority.issue({ name: "server", hosts: ["127.0.0.1"] });
const files = { "server.pem": certificate.cert, "server.key": certificate.key };
const secret = "hidden-password-h2";
const client = `tls_config.ca_pem = ${toml(authority.cert)}
basic_auth = { username = "edge", password = "${secret}" }`;

/** The scrape's name, where it goes, whether it may speak HTTP/2, and what the server must see. */
const cases = [
  { name: "offered", at: "h2", lines: "", protocol: "HTTP/2.0" },
  { name: "declined", at: "h2", lines: "enable_http2 = false", protocol: "HTTP/1.1" },
  { name: "not_offered", at: "h1", lines: "", protocol: "HTTP/1.1" },
] as const;

describe.skipIf(nginxProgram === undefined)("HTTP/2 of nginx", () => {
  let push: PushServer;
  let nginx: Nginx<"h1" | "h2" | "push">;
  let agent: Agent;

  beforeAll(async () => {
    push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    const tls = "ssl_certificate server.pem; ssl_certificate_key server.key;";
    nginx = await startNginx({
      servers: {
        h1: { listen: "ssl", block: `${tls} ${goroutineLocation}` },
        h2: { listen: "ssl http2", block: `${tls} ${goroutineLocation}` },
        push: { listen: "ssl http2", block: `${tls} location / { proxy_pass ${push.url}; }` },
      },
      files,
    });
    const tables = cases.map(({ name, at, lines }) =>
      scrapeTable({
        name,
        address: `127.0.0.1:${nginx.ports[at]}`,
        interval: "250ms",
        // Tells the cases apart in the log.
        lines: `${client}\n${lines}\nparams = { case = ["${name}"] }`,
      }),
    );
    agent = await startAgent(talkative + tables.join("") + writeTable(`https://127.0.0.1:${nginx.ports.push}`, client));
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([nginx?.[Symbol.asyncDispose](), push?.close()]);
  });

  test.each(cases)("$name: $protocol is spoken", async ({ name, protocol }) => {
    expect(await scraped(agent, name)).toMatchObject({ health: "up" });
    const seen = nginx.requests().filter(({ uri }) => uri.includes(`case=${name}`));
    expect(new Set(seen.map((request) => request.protocol))).toEqual(new Set([protocol]));
    expect(seen[0]?.authorization).toStartWith("Basic ");
  });

  test("a push is one HTTP/2 request where the server offers it", async () => {
    await push.waitFor(() => push.accepted.length >= 3);
    const pushed = nginx.requests().filter(({ method }) => method === "POST");
    expect(new Set(pushed.map(({ protocol, status }) => `${protocol} ${status}`))).toEqual(new Set(["HTTP/2.0 200"]));
  });

  test("a reload of the server (GOAWAY) costs no scrape", async () => {
    await moreProfiles(agent, "offered", 2);
    for (let round = 0; round < 3; round++) {
      await nginx.reload();
      await moreProfiles(agent, "offered", 2);
    }
    expect((await scrapeCounts(agent, "offered")).failed).toBe(0);
  });

  test("no secret was given away", () => expectNoSecrets(agent, [secret]));
});

describe.skipIf(caddyProgram === undefined)("HTTP/2 of a Go server (Caddy)", () => {
  test("is spoken where it is not switched off", async () => {
    await using push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    await using caddy: Caddy<"h2"> = await startCaddy({
      sites: { h2: `tls server.pem server.key\n${goroutineSite}` },
      files,
    });
    const address = `127.0.0.1:${caddy.ports.h2}`;
    await using agent = await startAgent(
      scrapeTable({ name: "offered", address, lines: `${client}\nparams = { case = ["offered"] }` }) +
        scrapeTable({ name: "declined", address, lines: `${client}\nenable_http2 = false` }) +
        writeTable(push.url),
    );
    expect(await scraped(agent, "offered")).toMatchObject({ health: "up" });
    expect(await scraped(agent, "declined")).toMatchObject({ health: "up" });
    const seen = caddy
      .requests()
      .map(({ uri, protocol }) => `${uri.includes("offered") ? "offered" : "declined"} ${protocol}`);
    expect(new Set(seen)).toEqual(new Set(["offered HTTP/2.0", "declined HTTP/1.1"]));
  });
});
