import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { goroutineLocation, type Nginx, nginxProgram, type NginxRequest, startNginx } from "./support/nginx.ts";
import { scrapeTable, toml, writeTable } from "./support/scrape-config.ts";
import { scraped } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const authority = createAuthority("Redirect Root");
const certificate = authority.issue({ name: "server", hosts: ["127.0.0.1"] });
const secrets = {
  password: "hidden-password-7",
  token: "hidden-token-7",
  site: "hidden-site-7",
  push: "hidden-push-7",
};

const statuses = [301, 302, 303, 307, 308];
const profilePath = "/debug/pprof/goroutine";
const ca = `tls_config.ca_pem = ${toml(authority.cert)}`;
const basic = `${ca}\nbasic_auth = { username = "edge", password = "${secrets.password}" }`;
const bearer = `${ca}\nauthorization.credentials = "${secrets.token}"`;
const siteHeader = `http_headers = { "X-Site" = ["${secrets.site}"] }`;

interface Case {
  readonly name: string;
  readonly path: string;
  readonly lines?: string;
  /** What last_error says; without words the target must be up. */
  readonly words?: RegExp;
  readonly reason?: string;
}

const cases: readonly Case[] = [
  ...statuses.map((status) => ({
    name: `same_host_${status}`,
    path: `/same/${status}`,
    lines: `${basic}\n${siteHeader}`,
  })),
  ...statuses.map((status) => ({
    name: `other_host_${status}`,
    path: `/other/${status}`,
    lines: `${basic}\n${siteHeader}`,
  })),
  { name: "other_host_token", path: "/other/302", lines: `${bearer}\n${siteHeader}` },
  { name: "there_and_back", path: "/there-and-back", lines: `${basic}\n${siteHeader}` },
  { name: "down_to_http", path: "/down", lines: `${basic}\n${siteHeader}` },
  { name: "relative", path: "/relative", lines: basic },
  { name: "ten_hops", path: "/hop/10", lines: basic },
  { name: "eleven_hops", path: "/hop/11", lines: basic, words: /redirects more than 10 times/, reason: "redirects" },
  { name: "loop", path: "/loop/a", lines: basic, words: /redirects in a loop, back to/, reason: "redirects" },
  { name: "no_url", path: "/ftp", lines: basic, words: /no http or https URL/, reason: "redirects" },
  {
    name: "not_followed",
    path: "/same/302",
    lines: `${basic}\nfollow_redirects = false`,
    words: /HTTP status 302/,
    reason: "http_other",
  },
];

describe.skipIf(nginxProgram === undefined)("redirects", () => {
  let push: PushServer;
  let nginx: Nginx<"first" | "other" | "plain" | "push307" | "push302" | "pushOther">;
  let agent: Agent;

  beforeAll(async () => {
    push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    const [first, other, plain] = [await freePort(), await freePort(), await freePort()];
    const here = `https://127.0.0.1:${first}`;
    const there = `https://127.0.0.1:${other}`;
    const to = (from: string, status: number, url: string): string => `location = ${from} { return ${status} ${url}; }`;
    const tls = "ssl_certificate server.pem; ssl_certificate_key server.key;";
    const pushTo = (status: number, url: string): string =>
      `${tls} location / { return ${status} ${url}$request_uri; }`;
    const hops = Array.from({ length: 10 }, (_, i) => to(`/hop/${i + 2}`, 302, `${here}/hop/${i + 1}`));
    nginx = await startNginx({
      servers: {
        first: {
          port: first,
          listen: "ssl",
          block: [
            tls,
            goroutineLocation,
            ...statuses.map((status) => to(`/same/${status}`, status, here + profilePath)),
            ...statuses.map((status) => to(`/other/${status}`, status, there + profilePath)),
            to("/there-and-back", 302, `${there}/back`),
            to("/down", 302, `http://127.0.0.1:${plain}${profilePath}?of=down`),
            `location = /relative { absolute_redirect off; return 302 ..${profilePath}; }`,
            ...hops,
            to("/hop/1", 302, here + profilePath),
            to("/loop/a", 302, `${here}/loop/b`),
            to("/loop/b", 302, `${here}/loop/a`),
            to("/ftp", 302, "ftp://127.0.0.1/profile"),
          ].join("\n"),
        },
        other: {
          port: other,
          listen: "ssl",
          block: [tls, goroutineLocation, to("/back", 302, here + profilePath)].join("\n"),
        },
        plain: { port: plain, block: goroutineLocation },
        push307: { listen: "ssl", block: pushTo(307, push.url) },
        push302: { listen: "ssl", block: pushTo(302, push.url) },
        pushOther: { listen: "ssl", block: pushTo(308, there) },
      },
      files: { "server.pem": certificate.cert, "server.key": certificate.key },
    });
    const tables = cases.map(({ name, path, lines = "" }) =>
      scrapeTable({ name, address: `127.0.0.1:${first}`, path, lines }),
    );
    const endpoints = (["push307", "push302", "pushOther"] as const).map((name) => {
      const more = `name = "${name}"\n${ca}\nmin_backoff_period = "100ms"\nbasic_auth = { username = "edge", password = "${secrets.push}" }`;
      return writeTable(`https://127.0.0.1:${nginx.ports[name]}`, more);
    });
    agent = await startAgent(talkative + tables.join("") + endpoints.join(""));
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([nginx?.[Symbol.asyncDispose](), push?.close()]);
  });

  const seenAt = (name: keyof typeof nginx.ports): readonly NginxRequest[] =>
    nginx.requests().filter(({ port }) => port === String(nginx.ports[name]));

  test.each(cases)("$name", async ({ name, words, reason }) => {
    const { health, last_error, last_error_reason } = await scraped(agent, name);
    if (words === undefined) {
      expect({ health, last_error }).toEqual({ health: "up", last_error: undefined });
      await push.waitFor(() => push.accepted.some(({ labels }) => labels.service_name === name));
    } else {
      expect({ health, last_error_reason }).toEqual({ health: "down", last_error_reason: reason });
      expect(last_error).toMatch(words);
    }
  });

  test("credentials and http_headers follow to the same host", async () => {
    await Promise.all(statuses.map((status) => scraped(agent, `same_host_${status}`)));
    const direct = seenAt("first").filter(({ uri, site }) => uri === profilePath && site !== "");
    expect(direct.length).toBeGreaterThanOrEqual(statuses.length);
    for (const { authorization } of direct) expect(authorization).toStartWith("Basic ");
  });

  test("credentials and http_headers do not follow to another host, nor down to plain http", async () => {
    await Promise.all(cases.map(({ name }) => scraped(agent, name)));
    const elsewhere = [...seenAt("other"), ...seenAt("plain")].filter(({ method }) => method === "GET");
    expect(elsewhere.length).toBeGreaterThanOrEqual(statuses.length + 3);
    for (const { authorization, site } of elsewhere)
      expect({ authorization, site }).toEqual({ authorization: "", site: "" });
  });

  test("credentials do not come back on the way from another host", async () => {
    await scraped(agent, "there_and_back");
    const all = seenAt("first").filter(({ uri }) => uri === profilePath);
    expect(all.some(({ authorization }) => authorization === "")).toBe(true);
  });

  test("a push follows 307 and 308, without credentials on another host, and does not become a GET", async () => {
    await push.waitFor(() => push.accepted.length > 0);
    expect(push.requests.every(({ method, headers }) => method === "POST" && headers.authorization === undefined)).toBe(
      true,
    );
    const endpoint = await eventually("the push with 302 failed", async () => {
      const found = (await agent.endpoints("pyroscope.write.matrix")).get("push302");
      return found?.last_error === undefined ? undefined : found;
    });
    expect(endpoint.last_error).toMatch(/redirects with status 302 .*where a POST would become a GET/);
    const posts = await eventually("the push to another host came", () => {
      const found = seenAt("other").filter(({ method }) => method === "POST");
      return found.length > 0 ? found : undefined;
    });
    for (const { authorization, uri } of posts)
      expect({ authorization, uri }).toEqual({ authorization: "", uri: "/push.v1.PusherService/Push" });
    expect(seenAt("push307")[0]?.authorization).toStartWith("Basic ");
  });

  test("no secret was given away", () => expectNoSecrets(agent, Object.values(secrets)));
});
