import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Agent, type EndpointView, startAgent } from "../e2e/agent.ts";
import { startRecordedTarget, type RecordedTarget } from "../e2e/recorded-target.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
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
import { expectNoSecrets, talkative } from "./support/secrets.ts";
import { microsocksProgram } from "./support/socks.ts";
import { squidProgram, squidSpeaksTls } from "./support/squid.ts";
import { tinyproxyProgram } from "./support/tinyproxy.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const authority = createAuthority("Matrix test authority");
const certificate = authority.issue({ name: "127.0.0.1", hosts: ["127.0.0.1"] });
const pushPath = "/push.v1.PusherService/Push";

type Program = "squid" | "squid over TLS" | "tinyproxy" | "microsocks";
const isHere: Readonly<Record<Program, boolean>> = {
  squid: squidProgram !== undefined,
  "squid over TLS": squidSpeaksTls,
  tinyproxy: tinyproxyProgram !== undefined,
  microsocks: microsocksProgram !== undefined,
};

let target: RecordedTarget;
let plain: PushServer;
let secure: PushServer;
let proxies: Proxies;
let agent: Agent;

/** Endpoint, program, proxy_url, and what the proxy logs of a plain push, where it logs that at once. */
const good: readonly (readonly [name: string, of: Program, proxy: () => string, logged?: () => string])[] = [
  ["squid", "squid", () => httpProxy(proxies.squid), () => `POST ${plain.url}${pushPath} 200 plain - -`],
  [
    "squid_user",
    "squid",
    () => httpProxy(proxies.guardedSquid, proxyPassword),
    () => `POST ${plain.url}${pushPath} 200 plain edge -`,
  ],
  [
    "tls_squid",
    "squid over TLS",
    () => httpsProxy(proxies.guardedSquid, proxyPassword),
    () => `POST ${plain.url}${pushPath} 200 tls edge -`,
  ],
  [
    "tinyproxy",
    "tinyproxy",
    () => httpProxy(proxies.guardedTinyproxy, tinyproxyPassword),
    () => `POST ${plain.url}${pushPath} HTTP/1.1`,
  ],
  ["socks", "microsocks", () => socksProxy(proxies.guardedSocks, proxyPassword), () => `127.0.0.1:${plain.port}`],
];

const bad: readonly (readonly [name: string, of: Program, proxy: () => string, words: RegExp])[] = [
  ["squid_nobody", "squid", () => httpProxy(proxies.guardedSquid), /PROXY.*407/],
  ["tinyproxy_nobody", "tinyproxy", () => httpProxy(proxies.guardedTinyproxy), /PROXY.*407/],
  ["socks_nobody", "microsocks", () => socksProxy(proxies.guardedSocks), /PROXY.*password/],
];

const log = (): readonly string[] => [
  ...(proxies.squid?.log() ?? []),
  ...(proxies.guardedSquid?.log() ?? []),
  ...(proxies.guardedTinyproxy?.requestLines() ?? []),
  ...(proxies.guardedSocks?.destinations() ?? []),
];

beforeAll(async () => {
  const rules = { maxAgeMs: Number.POSITIVE_INFINITY };
  target = await startRecordedTarget();
  plain = await startPushServer({ rules });
  secure = await startPushServer({ rules, tls: certificate });
  proxies = await startProxies({ certificate, name: "shop.example.test" });
  const endpoints = [...good, ...bad]
    .filter(([, of]) => isHere[of])
    .flatMap(([name, , proxy]) => [
      endpointOf(name, plain.url, proxy()),
      endpointOf(`${name}_tls`, secure.url, proxy()),
    ]);
  agent = await startAgent(
    talkative +
      scrapeTable({ name: "test", address: `127.0.0.1:${target.port}`, scheme: "http", interval: "500ms" }) +
      "[pyroscope.write.matrix]\n" +
      endpoints.join(""),
  );
});

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await Promise.all([target, plain, secure, proxies].map((one) => one?.[Symbol.asyncDispose]()));
});

function endpointOf(name: string, url: string, proxy: string): string {
  return `
[[pyroscope.write.matrix.endpoint]]
name = "${name}"
url = "${url}"
proxy_url = "${proxy}"
tls_config = { ca_pem = ${toml(authority.cert)} }
min_backoff_period = "100ms"
max_backoff_period = "500ms"
`;
}

/** The endpoint's state, once something was sent, or could not be. */
function tried(name: string): Promise<EndpointView> {
  return eventually(`"${name}" was tried`, async () => {
    const endpoint = (await agent.endpoints("pyroscope.write.matrix")).get(name);
    return endpoint && endpoint.state !== "unknown" ? endpoint : undefined;
  });
}

describe("a push through a proxy", () => {
  for (const [name, of, , logged] of good) {
    test.if(isHere[of])(`arrives: ${name}`, async () => {
      const { state, last_error, sent_profiles } = await tried(name);
      expect({ state, last_error }).toEqual({ state: "up", last_error: undefined });
      expect(sent_profiles).toBeGreaterThan(0);
      if (logged) await eventually(`a proxy logs "${logged()}"`, () => log().includes(logged()) || undefined);
    });

    test.if(isHere[of])(`arrives in a tunnel: ${name}`, async () => {
      const { state, last_error, sent_profiles } = await tried(`${name}_tls`);
      expect({ state, last_error }).toEqual({ state: "up", last_error: undefined });
      expect(sent_profiles).toBeGreaterThan(0);
    });
  }

  for (const [name, of, proxy, words] of bad)
    test.if(isHere[of]).each([name, `${name}_tls`])("is held back and says why: %s", async (endpoint) => {
      const { state, last_error = "", sent_profiles, dropped_profiles } = await tried(endpoint);
      expect({ state, sent_profiles, dropped_profiles }).toEqual({
        state: "down",
        sent_profiles: 0,
        dropped_profiles: 0,
      });
      expect(last_error.replaceAll(new URL(proxy()).host, "PROXY")).toMatch(words);
    });

  test("gives away no password of a proxy", () => expectNoSecrets(agent, [proxyPassword, tinyproxyPassword]));
});
