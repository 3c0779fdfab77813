import { describe, expect, test } from "bun:test";
import { Secret } from "../../src/base/index.ts";
import { createProxyRule, type Proxy, type ProxyArguments } from "../../src/http/proxy/proxies.ts";
import { proxyAddress, proxyAuthorization, proxyName } from "../../src/http/proxy/proxy-address.ts";

const through = (proxy_url: string, more: ProxyArguments = {}): ProxyArguments => ({
  proxy_url: new Secret(proxy_url),
  ...more,
});
const followEnvironment = { proxy_from_environment: true };

/** `href` of the proxy that a URL is reached through; `undefined` for none. */
function proxyFor(url: string, args: ProxyArguments, environment: Record<string, string> = {}): string | undefined {
  return createProxyRule(args, environment)?.(new URL(url))?.url.href;
}

function proxyOf(proxy_url: string): Proxy {
  return createProxyRule(through(proxy_url), {})?.(new URL("http://target.test")) as Proxy;
}

describe("A proxy rule", () => {
  test("is none where nothing asks for a proxy", () => {
    const environment = { HTTP_PROXY: "http://p.test", HTTPS_PROXY: "http://p.test" };
    expect(createProxyRule({}, environment)).toBeUndefined();
    expect(createProxyRule({ proxy_from_environment: false }, environment)).toBeUndefined();
    expect(createProxyRule(followEnvironment, { NO_PROXY: "*", HTTP_PROXY: "" })).toBeUndefined();
  });

  test.each(["http://example.com", "https://example.com", "http://localhost:4040", "http://127.0.0.1", "http://[::1]"])(
    "by proxy_url alone takes %s",
    (url) => {
      expect(proxyFor(url, through("http://p.test:3128"))).toBe("http://p.test:3128/");
    },
  );

  const lists: readonly (readonly [url: string, proxied: boolean])[] = [
    ["http://example.com", true],
    ["http://a.internal.test", false],
    ["http://10.1.1.1", false],
    ["http://localhost", false],
    ["http://127.0.0.1", false],
  ];
  test.each(lists)("by proxy_url with no_proxy takes %s: %j", (url, proxied) => {
    const args = through("http://p.test", { no_proxy: "internal.test,10.0.0.0/8" });
    expect(proxyFor(url, args)).toBe(proxied ? "http://p.test/" : undefined);
  });

  test("has nothing to do with the environment where proxy_url is set", () => {
    const environment = { HTTP_PROXY: "http://other.test", NO_PROXY: "*" };
    expect(proxyFor("http://example.com", through("http://p.test"), environment)).toBe("http://p.test/");
  });

  test("reveals the headers for CONNECT", () => {
    const headers = { "X-Site": [new Secret("7"), new Secret("8")] };
    const rule = createProxyRule(through("http://p.test", { proxy_connect_header: headers }), {});
    expect(rule?.(new URL("https://example.com"))?.connectHeaders).toEqual({ "X-Site": ["7", "8"] });
  });
});

describe("A proxy URL", () => {
  const credentials: readonly (readonly [url: string, username: string | undefined, password: string | undefined])[] = [
    ["http://p.test", undefined, undefined],
    ["http://user@p.test", "user", undefined],
    ["http://us%40er:p%3Aa%2Fss@p.test", "us@er", "p:a/ss"],
    ["http://:secret@p.test", undefined, "secret"],
    ["http://user:100%@p.test", "user", "100%"],
    ["socks5://us%C3%A9r:p%20w@p.test:1080", "usér", "p w"],
  ];
  test.each(credentials)("%s has its userinfo apart", (url, username, password) => {
    const proxy = proxyOf(url);
    expect({ username: proxy.username, password: proxy.password }).toEqual({ username, password });
    expect(proxy.url.username + proxy.url.password).toBe("");
  });

  const addresses: readonly (readonly [url: string, host: string, port: number, name: string])[] = [
    ["http://p.test", "p.test", 80, "p.test:80"],
    ["http://p.test:3128/path?query", "p.test", 3128, "p.test:3128"],
    ["https://p.test", "p.test", 443, "p.test:443"],
    ["socks5://p.test", "p.test", 1080, "p.test:1080"],
    ["socks5h://user:pw@p.test:9050", "p.test", 9050, "p.test:9050"],
    ["http://[::1]:8080", "::1", 8080, "[::1]:8080"],
    ["socks5://[::1]", "::1", 1080, "[::1]:1080"],
  ];
  test.each(addresses)("%s is reached at %s, %d", (url, host, port, name) => {
    expect(proxyAddress(proxyOf(url))).toEqual({ host, port });
    expect(proxyName(proxyOf(url))).toBe(name);
  });

  test("with socks5h is one with socks5", () => {
    expect(proxyOf("socks5h://p.test").url.protocol).toBe("socks5:");
  });

  test("makes a Basic header of its userinfo", () => {
    expect(proxyAuthorization(proxyOf("http://p.test"))).toEqual({});
    expect(proxyAuthorization(proxyOf("http://us%C3%A9r:p%3Aw@p.test"))).toEqual({
      "Proxy-Authorization": `Basic ${Buffer.from("usér:p:w").toString("base64")}`,
    });
  });
});

describe("A proxy rule of the environment", () => {
  const rows: readonly (readonly [environment: Record<string, string>, url: string, proxy: string | undefined])[] = [
    [{ HTTP_PROXY: "http://p.test:1" }, "http://example.com", "http://p.test:1/"],
    [{ HTTP_PROXY: "http://p.test:1" }, "https://example.com", undefined],
    [{ HTTPS_PROXY: "http://p.test:1" }, "https://example.com", "http://p.test:1/"],
    [{ HTTPS_PROXY: "http://p.test:1" }, "http://example.com", undefined],
    [{ http_proxy: "http://low.test" }, "http://example.com", "http://low.test/"],
    [{ HTTP_PROXY: "http://up.test", http_proxy: "http://low.test" }, "http://example.com", "http://up.test/"],
    [{ HTTP_PROXY: "", http_proxy: "http://low.test" }, "http://example.com", "http://low.test/"],
    [{ HTTP_PROXY: "p.test:3128" }, "http://example.com", "http://p.test:3128/"],
    [{ HTTP_PROXY: "user:pw@p.test" }, "http://example.com", "http://p.test/"],
    [{ HTTPS_PROXY: "https://p.test" }, "https://example.com", "https://p.test/"],
    [{ HTTPS_PROXY: "socks5h://p.test:9050" }, "https://example.com", "socks5://p.test:9050"],
    [{ ALL_PROXY: "http://p.test" }, "http://example.com", undefined],
    [{ HTTP_PROXY: "http://p.test" }, "http://localhost:4040", undefined],
    [{ HTTP_PROXY: "http://p.test" }, "http://127.0.0.1:4040", undefined],
    [{ HTTP_PROXY: "http://p.test", NO_PROXY: "example.com" }, "http://a.example.com", undefined],
    [{ HTTP_PROXY: "http://p.test", no_proxy: "example.com" }, "http://example.com", undefined],
    [{ HTTP_PROXY: "http://p.test", NO_PROXY: "a.test", no_proxy: "b.test" }, "http://b.test", "http://p.test/"],
  ];
  test.each(rows)("%j: %s goes through %s", (environment, url, proxy) => {
    expect(proxyFor(url, followEnvironment, environment)).toBe(proxy);
  });

  const broken: readonly (readonly [value: string, message: string])[] = [
    [
      "ftp://user:hunter2@p.test",
      'expected a URL that begins with http:// or https:// or socks5:// or socks5h://, found "ftp://p.test"',
    ],
    ["http://user:hunter2@", "expected a URL that begins with"],
    ["user:hunter2@p.test:99999", "expected a URL that begins with"],
    ["http://p.test:port", 'a port is a number from 1 to 65535, found "port"'],
  ];
  test.each(broken)("whose value is %s fails the requests that it is for, and keeps the password", (value, words) => {
    const rule = createProxyRule(followEnvironment, { https_proxy: value });
    expect(rule?.(new URL("http://example.com"))).toBeUndefined();
    expect(rule?.(new URL("https://localhost"))).toBeUndefined();
    let error: unknown;
    try {
      rule?.(new URL("https://example.com"));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ reason: "proxy" });
    const { message } = error as Error;
    expect(message).toStartWith("Cannot use the proxy of https_proxy: ");
    expect(message).toContain(words);
    expect(message).not.toContain("hunter2");
  });
});
