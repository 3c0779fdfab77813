import { afterEach, describe, expect, test } from "bun:test";
import { Secret } from "../../src/base/index.ts";
import { diagnose } from "../../src/http/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { until } from "./client-under-test.ts";
import { closeOpened, rawServer, webServer } from "./tunnel-under-test.ts";

afterEach(closeOpened);

const signal = new AbortController().signal;

describe("A diagnosis", () => {
  test("shows the proxy of the environment that cannot be used as a failed step", async () => {
    const { steps, result } = await diagnose("http://shop.test/", {
      args: { proxy_from_environment: true },
      environment: { HTTP_PROXY: "ht!tp://nowhere" },
      timeoutMs: 5000,
      signal,
    });
    expect(steps.map(({ step, ok }) => [step, ok])).toEqual([
      ["address", true],
      ["proxy", false],
    ]);
    expect(result).toMatchObject({ error: { reason: "proxy" } });
  });

  test("that waits for a token in vain names the token URL", async () => {
    const clock = new FakeClock();
    let isAsked = false;
    const port = await rawServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => (isAsked = true));
    });
    const target = await webServer();
    const token_url = `http://127.0.0.1:${port}/token`;
    const oauth2 = { client_id: "a", client_secret: new Secret("s3cret"), token_url, proxy_from_environment: false };
    const pending = diagnose(`http://127.0.0.1:${target}/`, { args: { oauth2 }, timeoutMs: 2000, signal, clock });
    await until(() => isAsked);
    await clock.advance(2000);
    const { steps } = await pending;
    expect(steps.at(-1)?.text).toStartWith(`Cannot get the credentials from token_url "${token_url}" within 2s; `);
    // The token request has a deadline of its own.
    await clock.advance(10_000);
  });

  test("that is late in a tunnel names host and proxy", async () => {
    const clock = new FakeClock();
    let isGreeted = false;
    const port = await rawServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => (isGreeted = true));
    });
    const args = { proxy_url: new Secret(`socks5://127.0.0.1:${port}`) };
    const pending = diagnose("http://shop.test/", { args, timeoutMs: 2000, signal, clock });
    await until(() => isGreeted);
    await clock.advance(2000);
    const { steps } = await pending;
    expect(steps.at(-1)?.text).toStartWith(
      `Cannot connect to "shop.test:80" through the proxy "127.0.0.1:${port}" within 2s; `,
    );
  });
});
