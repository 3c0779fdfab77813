import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, startAgent } from "../e2e/agent.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { type ProfileTarget, startProfileTarget } from "./support/profile-target.ts";
import { scrapeTable, toml } from "./support/scrape-config.ts";
import { ownAddress, scraped } from "./support/scraping.ts";
import { expectNoSecrets, talkative } from "./support/secrets.ts";
import { type Squid, squidProgram, startSquid } from "./support/squid.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const password = "p@ss:w/ord-3307";

// Names that only squid can resolve: without it they are looked up in vain, and the scrape fails with the reason "dns".
const names = ["example.test", "shop.example.test", "notexample.test", "direct.test"];

const authority = createAuthority("Matrix test authority");
const trust = `tls_config = { ca_pem = ${toml(authority.cert)} }`;

if (squidProgram && !ownAddress)
  console.warn("Tests of no_proxy with addresses are skipped: this machine has no IPv4 address but loopback");

describe.if(squidProgram !== undefined)("no_proxy", () => {
  let target: ProfileTarget;
  let squid: Squid;
  let agent: Agent;

  const own = ownAddress ?? "192.0.2.1";
  const network = own.replace(/\.\d+$/, ".0/24");
  /** no_proxy (`PORT` is the target's), the target's host, and how it is reached. */
  const named: readonly (readonly [list: string, host: string, way: "direct" | "proxy"])[] = [
    ["shop.example.test", "shop.example.test", "direct"],
    ["SHOP.example.test.", "shop.example.test", "direct"],
    ["shop.example.test", "example.test", "proxy"],
    ["example.test", "example.test", "direct"],
    ["example.test", "shop.example.test", "direct"],
    ["example.test", "notexample.test", "proxy"],
    [".example.test", "shop.example.test", "direct"],
    [".example.test", "example.test", "proxy"],
    ["direct.test:PORT", "direct.test", "direct"],
    ["direct.test:1", "direct.test", "proxy"],
    ["direct.test, shop.example.test", "shop.example.test", "direct"],
    ["*", "notexample.test", "direct"],
    // Once there is a no_proxy, loopback needs no entry.
    ["direct.test", "127.0.0.1", "direct"],
    ["direct.test", "localhost", "direct"],
  ];
  const addressed: typeof named = [
    [own, own, "direct"],
    ["198.51.100.7", own, "proxy"],
    [network, own, "direct"],
    ["198.51.100.0/24", own, "proxy"],
    [`${own}:PORT`, own, "direct"],
    [`${own}:1`, own, "proxy"],
    ["direct.test", own, "proxy"],
  ];
  const rows = [...named, ...(ownAddress ? addressed : [])];

  beforeAll(async () => {
    target = await startProfileTarget();
    squid = await startSquid({ hosts: Object.fromEntries(names.map((name) => [name, "127.0.0.1"])) });
    agent = await startAgent(
      talkative + rows.map(([list, host], row) => tableOf({ list, host, row })).join("") + "[pyroscope.write.matrix]\n",
    );
  });

  afterAll(async () => {
    await Promise.all([agent, target, squid].map((one) => one?.[Symbol.asyncDispose]()));
  });

  const tableOf = ({ list, host, row }: { list: string; host: string; row: number }): string =>
    scrapeTable({
      name: `row_${row}`,
      address: `${host}:${target.port}`,
      scheme: "http",
      path: `/row_${row}`,
      lines: `proxy_url = "http://${squid.address}"\nno_proxy = "${list.replace("PORT", String(target.port))}"`,
    });

  test.each(rows.map((row, index) => [...row, index] as const))(
    "%s: %s is reached %s",
    async (_list, host, way, index) => {
      const status = await scraped(agent, `row_${index}`);
      const logged = squid.log().filter((line) => line.includes(`/row_${index} `));
      if (way === "proxy") {
        expect(status.health, status.last_error).toBe("up");
        expect(logged).toContain(`GET http://${host}:${target.port}/row_${index} 200 plain - -`);
      } else {
        expect(status).toMatchObject(names.includes(host) ? { last_error_reason: "dns" } : { health: "up" });
        expect(logged).toEqual([]);
      }
    },
  );
});

describe.if(squidProgram !== undefined)("proxy_from_environment", () => {
  let plain: ProfileTarget;
  let secure: ProfileTarget;
  let squid: Squid;
  let agent: Agent;

  beforeAll(async () => {
    plain = await startProfileTarget();
    secure = await startProfileTarget({
      tls: authority.issue({ name: "shop.example.test", hosts: names }),
      keepAlive: false,
    });
    squid = await startSquid({
      users: { edge: password },
      hosts: Object.fromEntries(names.map((name) => [name, "127.0.0.1"])),
    });
    const proxy = `http://edge:${encodeURIComponent(password)}@${squid.address}`;
    agent = await startAgent(
      talkative +
        [
          ["plain", "shop.example.test", "http"],
          ["secure", "shop.example.test", "https"],
          ["exempt_plain", "direct.test", "http"],
          ["exempt_secure", "direct.test", "https"],
          ["loopback", "127.0.0.1", "http"],
          ["not_asked", "shop.example.test", "http"],
        ]
          .map(([name = "", host = "", scheme]) =>
            scrapeTable({
              name,
              address: `${host}:${scheme === "https" ? secure.port : plain.port}`,
              scheme: scheme as "http" | "https",
              path: `/${name}`,
              lines: `proxy_from_environment = ${name !== "not_asked"}\n${trust}`,
            }),
          )
          .join("") +
        "[pyroscope.write.matrix]\n",
      // One in capitals and one not: both are usual.
      { env: { HTTP_PROXY: proxy, https_proxy: proxy, NO_PROXY: "direct.test" } },
    );
  });

  afterAll(async () => {
    await Promise.all([agent, plain, secure, squid].map((one) => one?.[Symbol.asyncDispose]()));
  });

  const toAnything = (name: string) => squid.log().filter((line) => line.includes(`/${name} `));

  test("HTTP_PROXY is for http targets", async () => {
    const { health, last_error } = await scraped(agent, "plain");
    expect(health, last_error).toBe("up");
    expect(toAnything("plain")).toContain(`GET http://shop.example.test:${plain.port}/plain 200 plain edge -`);
  });

  test("https_proxy is for https targets", async () => {
    const { health, last_error } = await scraped(agent, "secure");
    expect(health, last_error).toBe("up");
    const line = `CONNECT shop.example.test:${secure.port} 200 plain edge -`;
    await eventually(`squid logs "${line}"`, () => squid.log().includes(line) || undefined);
  });

  test.each(["exempt_plain", "exempt_secure"])("NO_PROXY exempts: %s", async (name) => {
    expect(await scraped(agent, name)).toMatchObject({ last_error_reason: "dns" });
    expect(squid.log().filter((line) => line.includes("direct.test"))).toEqual([]);
  });

  test("loopback is never reached through it", async () => {
    const { health, last_error } = await scraped(agent, "loopback");
    expect(health, last_error).toBe("up");
    expect(toAnything("loopback")).toEqual([]);
  });

  test("without the argument the environment is not looked at", async () => {
    expect(await scraped(agent, "not_asked")).toMatchObject({ last_error_reason: "dns" });
    expect(toAnything("not_asked")).toEqual([]);
  });

  test("shows no password", () => expectNoSecrets(agent, [password]));
});
