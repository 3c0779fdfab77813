import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type ProfileTarget, startProfileTarget } from "./support/profile-target.ts";
import {
  httpProxy,
  httpsProxy,
  type Proxies,
  proxyPassword,
  socksProxy,
  startProxies,
  tinyproxyPassword,
} from "./support/proxies.ts";
import { scrapeTable, toml } from "./support/scrape-config.ts";
import { scraped } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";
import { microsocksProgram } from "./support/socks.ts";
import { squidProgram, squidSpeaksTls } from "./support/squid.ts";
import { tinyproxyProgram } from "./support/tinyproxy.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const wrongPassword = "wrongword5503";
const site = "site-header-7714";
/** A name that only squid can resolve. */
const shop = "shop.example.test";

const authority = createAuthority("Matrix test authority");
// Not for the address of the proxies, which must not be taken for that of the target.
const certificate = authority.issue({ name: shop, hosts: ["127.0.0.2", shop, "localhost"] });
const proxyCertificate = authority.issue({ name: "localhost", hosts: ["127.0.0.1"] });
const trust = `tls_config = { ca_pem = ${toml(authority.cert)} }`;

type Scheme = "http" | "https";

interface More {
  /** Of the target. */
  readonly host?: string;
  /** Further client arguments. */
  readonly lines?: string;
}

/** Component, the target's scheme, proxy_url, and what the proxy logs. */
type GoodWay = readonly [name: string, scheme: Scheme, proxy: () => string, logged: () => string, more?: More];

/** Component, the target's scheme, proxy_url, the reason, and the words, in which PROXY stands for the proxy's address. */
type BadWay = readonly [name: string, scheme: Scheme, proxy: () => string, reason: string, words: RegExp, more?: More];

interface Group {
  readonly proxy: string;
  readonly isHere: boolean;
  readonly log: () => readonly string[];
  readonly good: readonly GoodWay[];
  readonly bad: readonly BadWay[];
}

let plain: ProfileTarget;
let secure: ProfileTarget;
let proxies: Proxies;
let closedPort: number;
let agent: Agent;

const openSquid = () => httpProxy(proxies.squid);
const guardedSquid = () => httpProxy(proxies.guardedSquid, proxyPassword);
const tlsSquid = () => httpsProxy(proxies.guardedSquid, proxyPassword);
const openTinyproxy = () => httpProxy(proxies.tinyproxy);
const guardedTinyproxy = () => httpProxy(proxies.guardedTinyproxy, tinyproxyPassword);
const openSocks = () => socksProxy(proxies.socks);
const guardedSocks = () => socksProxy(proxies.guardedSocks, proxyPassword);

const groups: readonly Group[] = [
  {
    proxy: "squid",
    isHere: squidProgram !== undefined,
    log: () => [...(proxies.squid?.log() ?? []), ...(proxies.guardedSquid?.log() ?? [])],
    good: [
      ["squid_plain", "http", openSquid, () => `GET http://127.0.0.1:${plain.port}/squid_plain 200 plain - -`],
      ["squid_tunnel", "https", openSquid, () => `CONNECT 127.0.0.2:${secure.port} 200 plain - -`],
      [
        "squid_connect_header",
        "https",
        openSquid,
        () => `CONNECT 127.0.0.2:${secure.port} 200 plain - ${site}`,
        { lines: `proxy_connect_header = { "X-Site" = ["${site}"] }` },
      ],
      ["squid_user", "http", guardedSquid, () => `GET http://127.0.0.1:${plain.port}/squid_user 200 plain edge -`],
      ["squid_user_tunnel", "https", guardedSquid, () => `CONNECT 127.0.0.2:${secure.port} 200 plain edge -`],
      [
        "squid_name",
        "http",
        openSquid,
        () => `GET http://${shop}:${plain.port}/squid_name 200 plain - -`,
        { host: shop },
      ],
      ["squid_name_tunnel", "https", openSquid, () => `CONNECT ${shop}:${secure.port} 200 plain - -`, { host: shop }],
    ],
    bad: [
      ["squid_nobody", "http", () => httpProxy(proxies.guardedSquid), "proxy", /PROXY.*407/],
      ["squid_nobody_tunnel", "https", () => httpProxy(proxies.guardedSquid), "proxy", /PROXY.*407/],
      ["squid_wrong", "http", () => httpProxy(proxies.guardedSquid, wrongPassword), "proxy", /PROXY.*407/],
      ["squid_wrong_tunnel", "https", () => httpProxy(proxies.guardedSquid, wrongPassword), "proxy", /PROXY.*407/],
      [
        "squid_other_address",
        "https",
        openSquid,
        "tls",
        /is for 127\.0\.0\.2.* not for 127\.0\.0\.3/,
        { host: "127.0.0.3" },
      ],
      ["squid_no_host", "https", openSquid, "proxy", /PROXY.*50\d/, { host: "no-such-host.invalid" }],
    ],
  },
  {
    proxy: "squid over TLS",
    isHere: squidSpeaksTls,
    log: () => proxies.guardedSquid?.log() ?? [],
    good: [
      [
        "tls_squid_plain",
        "http",
        tlsSquid,
        () => `GET http://127.0.0.1:${plain.port}/tls_squid_plain 200 tls edge -`,
        { lines: trust },
      ],
      ["tls_squid_tunnel", "https", tlsSquid, () => `CONNECT 127.0.0.2:${secure.port} 200 tls edge -`],
    ],
    bad: [
      ["tls_squid_nobody", "https", () => httpsProxy(proxies.guardedSquid), "proxy", /PROXY.*407/],
      ["tls_squid_untrusted", "http", tlsSquid, "tls", /PROXY.*certificate.*ca_file/],
      ["tls_at_plain_squid", "http", () => openSquid().replace("http", "https"), "tls", /PROXY.*plain http/],
    ],
  },
  {
    proxy: "tinyproxy",
    isHere: tinyproxyProgram !== undefined,
    log: () => [...(proxies.tinyproxy?.requestLines() ?? []), ...(proxies.guardedTinyproxy?.requestLines() ?? [])],
    good: [
      ["tiny_plain", "http", openTinyproxy, () => `GET http://127.0.0.1:${plain.port}/tiny_plain HTTP/1.1`],
      ["tiny_tunnel", "https", openTinyproxy, () => `CONNECT 127.0.0.2:${secure.port} HTTP/1.1`],
      ["tiny_user", "http", guardedTinyproxy, () => `GET http://127.0.0.1:${plain.port}/tiny_user HTTP/1.1`],
      [
        "tiny_user_tunnel",
        "https",
        guardedTinyproxy,
        () => `CONNECT localhost:${secure.port} HTTP/1.1`,
        { host: "localhost" },
      ],
    ],
    bad: [
      ["tiny_nobody", "http", () => httpProxy(proxies.guardedTinyproxy), "proxy", /PROXY.*407/],
      ["tiny_nobody_tunnel", "https", () => httpProxy(proxies.guardedTinyproxy), "proxy", /PROXY.*407/],
      // It answers 401, as only targets should: the words cannot name it.
      ["tiny_wrong", "http", () => httpProxy(proxies.guardedTinyproxy, wrongPassword), "http_4xx", /401/],
      ["tiny_wrong_tunnel", "https", () => httpProxy(proxies.guardedTinyproxy, wrongPassword), "proxy", /PROXY.*401/],
    ],
  },
  {
    proxy: "microsocks",
    isHere: microsocksProgram !== undefined,
    log: () => [...(proxies.socks?.destinations() ?? []), ...(proxies.guardedSocks?.destinations() ?? [])],
    good: [
      ["socks_plain", "http", openSocks, () => `127.0.0.1:${plain.port}`],
      ["socks_tls", "https", openSocks, () => `127.0.0.2:${secure.port}`],
      // Had the agent resolved the name, the proxy would log an address.
      ["socks_user_plain", "http", guardedSocks, () => `localhost:${plain.port}`, { host: "localhost" }],
      ["socks_user_tls", "https", guardedSocks, () => `localhost:${secure.port}`, { host: "localhost" }],
    ],
    bad: [
      ["socks_nobody", "http", () => socksProxy(proxies.guardedSocks), "proxy", /PROXY.*password/],
      ["socks_wrong", "https", () => socksProxy(proxies.guardedSocks, wrongPassword), "proxy", /PROXY.*password/],
      ["socks_no_host", "http", openSocks, "proxy", /no-such-host.*PROXY/, { host: "no-such-host.invalid" }],
    ],
  },
  {
    proxy: "a proxy that is down",
    isHere: true,
    log: () => [],
    good: [],
    bad: (["http", "https", "socks5"] as const).flatMap((kind) =>
      (["http", "https"] as const).map(
        (scheme): BadWay => [
          `down_${kind}_${scheme}`,
          scheme,
          () => `${kind}://edge:${proxyPassword.replace(/\W/g, "-")}@127.0.0.1:${closedPort}`,
          "refused",
          /PROXY/,
        ],
      ),
    ),
  },
];

beforeAll(async () => {
  closedPort = await freePort();
  plain = await startProfileTarget();
  // Its connections end, because squid logs a tunnel when that ends.
  secure = await startProfileTarget({ tls: certificate, keepAlive: false });
  proxies = await startProxies({ certificate: proxyCertificate, name: shop });
  const tables = groups
    .filter(({ isHere }) => isHere)
    .flatMap(({ good, bad }) => [
      ...good.map(([name, scheme, proxy, , more]) => tableOf({ name, scheme, proxy, more })),
      ...bad.map(([name, scheme, proxy, , , more]) => tableOf({ name, scheme, proxy, more })),
    ]);
  agent = await startAgent(`${talkative}${tables.join("")}[pyroscope.write.matrix]\n`);
});

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await Promise.all([plain, secure, proxies].map((one) => one?.[Symbol.asyncDispose]()));
});

interface Table {
  readonly name: string;
  readonly scheme: Scheme;
  readonly proxy: () => string;
  readonly more: More | undefined;
}

function tableOf({ name, scheme, proxy, more = {} }: Table): string {
  const { host = scheme === "https" ? "127.0.0.2" : "127.0.0.1", lines = "" } = more;
  return scrapeTable({
    name,
    address: `${host}:${scheme === "https" ? secure.port : plain.port}`,
    scheme,
    path: `/${name}`,
    lines: `proxy_url = "${proxy()}"\n${scheme === "https" ? trust : ""}\n${lines}`,
  });
}

for (const { proxy, isHere, log, good, bad } of groups)
  describe.if(isHere)(`through ${proxy}`, () => {
    if (good.length > 0)
      test.each(good)("%s is scraped", async (name, _scheme, _proxy, logged) => {
        const { health, last_error } = await scraped(agent, name);
        expect({ health, last_error }).toEqual({ health: "up", last_error: undefined });
        await eventually(`the proxy logs "${logged()}"`, () => log().includes(logged()) || undefined);
      });

    test.each(bad)("%s is not, and says why", async (name, _scheme, proxyUrl, reason, words) => {
      const { health, last_error_reason, last_error = "" } = await scraped(agent, name);
      expect({ health, last_error_reason }, last_error).toEqual({ health: "down", last_error_reason: reason });
      expect(last_error.replaceAll(new URL(proxyUrl()).host, "PROXY")).toMatch(words);
    });
  });

test("shows no password of a proxy and no CONNECT header", () =>
  expectNoSecrets(agent, [proxyPassword, tinyproxyPassword, wrongPassword, site]));
