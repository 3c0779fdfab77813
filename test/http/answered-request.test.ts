import { afterEach, describe, expect, test } from "bun:test";
import http, { type RequestListener } from "node:http";
import { Secret } from "../../src/base/index.ts";
import { answererOf, createHttpClient, type HttpArguments, responseHint } from "../../src/http/index.ts";
import { failure, listen } from "./client-under-test.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** `host:port` of a server that answers so. */
async function serve(listener: RequestListener): Promise<string> {
  const { port, close } = await listen(http.createServer(listener));
  closing.push(close);
  return `127.0.0.1:${port}`;
}

function get(url: string, args: HttpArguments = {}) {
  const client = createHttpClient({ args });
  closing.push(() => client.close());
  const signal = new AbortController().signal;
  return client.request({ method: "GET", url, maxBytes: 9999, timeoutMs: 5000, signal });
}

const answering =
  (status: number): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end("no");
const redirecting =
  (location: string): RequestListener =>
  (_, response) =>
    void response.writeHead(302, { location }).end();
const bearer_token = new Secret("s3cret-token");

describe("A response", () => {
  test("is that of whom it was asked", async () => {
    const response = await get(`http://${await serve(answering(403))}/x`);
    expect(response.request).toEqual({ credentials: "none" });
    expect(answererOf(response, "the target")).toBe("the target");
    expect(responseHint(response)).toBeUndefined();
  });

  test("may be that of the proxy which was to send the request on", async () => {
    const proxy = await serve(answering(500));
    const response = await get("http://shop.test/x", { proxy_url: new Secret(`http://edge:wrong@${proxy}`) });
    expect(response.request).toEqual({ credentials: "none", forwarder: proxy });
    expect(answererOf(response, "the target")).toBe(`either the proxy "${proxy}" or the target`);
    expect(responseHint(response)).toBe("check user name and password in the proxy's URL, and the log of both");
  });

  test("may be that of whom redirects have led to, where credentials were left behind", async () => {
    const other = `http://${await serve(answering(401))}/debug`;
    const response = await get(`http://${await serve(redirecting(`${other}?token=hunter2`))}/`, { bearer_token });
    expect(response.request).toEqual({ credentials: "left behind", redirectedTo: other });
    expect(answererOf(response, "the server")).toBe(`"${other}", to which the server redirects,`);
    expect(responseHint(response)).toContain("credentials do not follow a redirect to another host");
  });

  test("tells that credentials were sent", async () => {
    const response = await get(`http://${await serve(answering(401))}/x`, { bearer_token });
    expect(response.request).toEqual({ credentials: "sent" });
  });

  test("that redirects where redirects are not followed says so", async () => {
    const args = { follow_redirects: false };
    const response = await get(`http://${await serve(redirecting("https://shop.test/x?token=hunter2"))}/`, args);
    expect(responseHint(response)).toBe(
      'turn follow_redirects on, or configure "https://shop.test/x", to which the answer redirects',
    );
  });
});

test("An error behind a redirect names both ends", async () => {
  const { port, close } = await listen(http.createServer());
  close();
  const start = await serve(redirecting(`http://127.0.0.1:${port}/x?token=hunter2`));
  const { reason, message } = await failure(get(`http://${start}/`));
  expect(reason).toBe("refused");
  expect(message).toStartWith(
    '"127.0.0.1:PORT" redirects to "http://127.0.0.1:PORT/x": Cannot connect to "127.0.0.1:PORT": connection refused',
  );
});
