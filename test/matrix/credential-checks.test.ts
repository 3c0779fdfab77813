import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { agentCommand, startAgent } from "../e2e/agent.ts";
import { runChild } from "../support/child.ts";
import { startProfileTarget } from "./support/profile-target.ts";
import { scrapeTable } from "./support/scrape-config.ts";
import { moreProfiles, ownAddress } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const secret = "s3cret-of-checks-8101";
const directory = mkdtempSync(join(tmpdir(), "pprof-agent-checks-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function check(config: string): Promise<{ exit: number | NodeJS.Signals; output: string }> {
  const file = join(directory, "agent.toml");
  writeFileSync(file, config);
  const { exit, stdout, stderr } = await runChild([...agentCommand, "check", "--config", file], { cwd: directory });
  return { exit, output: stdout + stderr };
}

const scrapeWith = (lines: string, address = "127.0.0.1:6060", scheme: "http" | "https" = "http"): string =>
  scrapeTable({ name: "test", address, scheme, lines });
const endpointWith = (lines: string, url = "http://127.0.0.1:4040"): string =>
  `[[pyroscope.write.matrix.endpoint]]\nurl = "${url}"\n${lines}\n`;
const noEndpoint = "[pyroscope.write.matrix]\n";

const basic = `basic_auth = { username = "edge", password = "${secret}" }`;
const bearer = `bearer_token = "${secret}"`;

describe("agent check", () => {
  test.each([
    ["two ways to authenticate", `${basic}\n${bearer}`, /only one of .*basic_auth/],
    [
      "a password twice",
      `basic_auth = { password = "${secret}", password_file = "password" }`,
      /password and password_file cannot both be set/,
    ],
    [
      "credentials twice",
      `authorization = { credentials = "${secret}", credentials_file = "token" }`,
      /credentials and credentials_file cannot both be set/,
    ],
    ["basic as a type", `authorization = { type = "Basic", credentials = "${secret}" }`, /basic_auth/],
    [
      "oauth2 without a secret",
      `oauth2 = { client_id = "agent", token_url = "http://127.0.0.1/token" }`,
      /client_secret/,
    ],
    ["no_proxy alone", `no_proxy = "localhost"`, /needs proxy_url/],
    [
      "two sources of proxies",
      `proxy_url = "http://edge:${secret}@127.0.0.1:3128"\nproxy_from_environment = true`,
      /proxy_from_environment/,
    ],
    ["a connect header alone", `proxy_connect_header = { "X-Site" = ["${secret}"] }`, /needs proxy_url/],
    ["a header that the client writes itself", `http_headers = { "Host" = ["${secret}"] }`, /Host/],
    [
      "a header beside its argument",
      `${basic}\nhttp_headers = { "Authorization" = ["${secret}"] }`,
      /cannot stand beside/,
    ],
  ])("refuses %s, in scrape and write", async (_name, lines, words) => {
    for (const config of [scrapeWith(lines) + noEndpoint, scrapeWith("") + endpointWith(lines)]) {
      const { exit, output } = await check(config);
      expect(exit).toBe(1);
      expect(output).toMatch(words);
      expect(output).not.toContain(secret);
    }
  });

  test.each([
    ["a scrape", scrapeWith(basic, "203.0.113.7:6060") + noEndpoint],
    ["a push", scrapeWith("") + endpointWith(bearer, "http://203.0.113.7:4040")],
  ])("warns of credentials that %s sends over plain http", async (_name, config) => {
    const { exit, output } = await check(config);
    expect(exit, output).toBe(0);
    expect(output).toMatch(plainHttp);
    expect(output).not.toContain(secret);
  });

  test.each([
    ["loopback", scrapeWith(basic) + endpointWith(bearer)],
    ["TLS", scrapeWith(basic, "203.0.113.7:6060", "https") + endpointWith(bearer, "https://203.0.113.7:4040")],
    ["nothing secret", scrapeWith("", "203.0.113.7:6060") + endpointWith("", "http://203.0.113.7:4040")],
  ])("does not warn of %s", async (_name, config) => {
    const { exit, output } = await check(config);
    expect(exit, output).toBe(0);
    expect(output).not.toMatch(plainHttp);
  });
});

const plainHttp = /over plain http/i;

describe.if(ownAddress !== undefined)("an agent that sends credentials over plain http", () => {
  test("says so once in its log", async () => {
    await using target = await startProfileTarget();
    await using agent = await startAgent(
      talkative +
        scrapeTable({
          name: "test",
          address: `${ownAddress}:${target.port}`,
          scheme: "http",
          interval: "200ms",
          lines: bearer,
        }) +
        noEndpoint,
    );
    await moreProfiles(agent, "test", 3);
    expect(agent.child.output().match(new RegExp(plainHttp, "gi"))).toHaveLength(1);
    await expectNoSecrets(agent, [secret]);
  });
});
