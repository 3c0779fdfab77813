import { afterEach, describe, expect, test } from "bun:test";
import { Secret } from "../../src/base/index.ts";
import { createHttpClient, diagnose, type HttpArguments } from "../../src/http/index.ts";
import { createAuthority } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { failure } from "./client-under-test.ts";
import { closeOpened, proxyServer } from "./tunnel-under-test.ts";

afterEach(closeOpened);

const authority = createAuthority("Proxy Root");
const notAfter = new Date(Date.now() + 30 * 24 * 3_600_000);
const certificate = authority.issue({ name: "localhost", hosts: ["localhost"], notAfter });
const elsewhere = authority.issue({ name: "other", hosts: ["other.test"] });
const signal = new AbortController().signal;

async function get(url: string, args: HttpArguments) {
  const client = createHttpClient({ args });
  try {
    return await client.request({ method: "GET", url, maxBytes: 9999, timeoutMs: 5000, signal });
  } finally {
    client.close();
  }
}

describe("An https proxy whose certificate is not trusted", () => {
  test.each(["http", "https"])("is blamed, with the issuer, for a request in %s", async (scheme) => {
    const { url } = await proxyServer({ certificate });
    const { reason, message } = await failure(get(`${scheme}://shop.test/x`, { proxy_url: new Secret(url) }));
    expect(reason).toBe("tls");
    expect(message).toStartWith(
      'Cannot make a TLS connection to the proxy "localhost:PORT": its certificate comes from the unknown issuer "Proxy Root"; put ',
    );
  });

  test("because it is for another name is not told to set the target's server_name", async () => {
    const { url } = await proxyServer({ certificate: elsewhere });
    const tls_config = { ca_pem: authority.cert, insecure_skip_verify: false, min_version: "TLS12" } as const;
    const { message } = await failure(get("https://shop.test/x", { proxy_url: new Secret(url), tls_config }));
    expect(message).toEndWith(
      "its certificate is for other.test and not for localhost; correct the host in the proxy's URL",
    );
  });

  test.each([
    [20 * 24, "20 days left"],
    [47.5, "47 hours left"],
    [23, "23 hours left"],
    [1.5, "1 hour left"],
    [0.5, "less than an hour left"],
    [-0.5, "less than an hour ago"],
    [-72, "3 days ago"],
  ])("is shown by a diagnosis, with how long it is valid: %d h", async (hours, span) => {
    const { url } = await proxyServer({ certificate });
    const clock = new FakeClock(Math.floor(notAfter.getTime() / 1000) * 1000 - hours * 3_600_000);
    const args = { proxy_url: new Secret(url) };
    const { steps } = await diagnose("https://shop.test/", { args, timeoutMs: 5000, signal, clock });
    const { step, ok, details = [] } = steps.at(-1) ?? {};
    expect([step, ok]).toEqual(["tunnel", false]);
    expect(details[0]).toBe('certificate of "localhost", issued by "Proxy Root"');
    expect(details.at(-1)).toEndWith(`(${span})`);
  });
});
