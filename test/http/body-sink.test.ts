import { expect, test } from "bun:test";
import http from "node:http";
import { AgentError } from "../../src/base/index.ts";
import type { BodySink } from "../../src/http/index.ts";
import { clientUnderTest, failure, listen, text, until } from "./client-under-test.ts";

const it = clientUnderTest();

/** A server that answers every request with a head and then does what it is told. */
async function streaming(status = 200) {
  const { promise: response, resolve } = Promise.withResolvers<http.ServerResponse>();
  const server = http.createServer((_, answer) => {
    answer.writeHead(status).flushHeaders();
    resolve(answer);
  });
  const { port, close } = await listen(server);
  return { url: `http://127.0.0.1:${port}/`, response, [Symbol.dispose]: close };
}

function sink(idleMs = 60_000) {
  const parts: string[] = [];
  let begun = false;
  const taking: BodySink = { idleMs, begin: () => void (begun = true), take: (chunk) => void parts.push(text(chunk)) };
  return { parts, taking, begun: () => begun };
}

test("a sink takes each part of a body when it comes, and the response has none", async () => {
  using server = await streaming();
  const { parts, taking, begun } = sink();
  const answer = it.get(server.url, { sink: taking, maxBytes: 3 });
  const response = await server.response;
  await until(begun);
  expect(parts).toEqual([]);
  for (const part of ["one", "two", "three"]) {
    response.write(part);
    await until(() => parts.includes(part));
  }
  response.end();
  const { status, body } = await answer;
  expect({ status, bytes: body.length, parts }).toEqual({ status: 200, bytes: 0, parts: ["one", "two", "three"] });
});

test("a body with a sink goes on longer than the deadline, but not than the longest silence", async () => {
  using server = await streaming();
  const { parts, taking, begun } = sink(30_000);
  const failed = failure(it.get(server.url, { sink: taking, timeoutMs: 10_000 }));
  const response = await server.response;
  await until(begun);
  for (const part of ["a", "b"]) {
    await it.clock.advance(29_000);
    response.write(part);
    await until(() => parts.includes(part));
  }
  await it.clock.advance(30_000);
  expect(await failed).toEqual({
    reason: "timeout",
    message: 'Nothing came from "127.0.0.1:PORT" within 30s: 2 bytes of the body had come before',
  });
});

test("the deadline holds until the head has come", async () => {
  const server = http.createServer(() => {});
  const { port, close } = await listen(server);
  let asked = false;
  server.once("request", () => (asked = true));
  const failed = failure(it.get(`http://127.0.0.1:${port}/`, { sink: sink().taking, timeoutMs: 10_000 }));
  await until(() => asked);
  await it.clock.advance(10_000);
  expect((await failed).message).toBe('No answer from "127.0.0.1:PORT" within 10s: connected, but no response came');
  close();
});

test("what a sink throws ends the request", async () => {
  using server = await streaming();
  const taking: BodySink = {
    idleMs: 60_000,
    take() {
      throw new AgentError("too_large", "Enough");
    },
  };
  const failed = failure(it.get(server.url, { sink: taking }));
  const response = await server.response;
  const closed = new Promise((resolve) => response.once("close", resolve));
  response.write("more");
  expect(await failed).toEqual({ reason: "too_large", message: "Enough" });
  await closed;
});

test("an error's body does not go to the sink", async () => {
  using server = await streaming(403);
  const { parts, taking, begun } = sink();
  const answer = it.get(server.url, { sink: taking });
  (await server.response).end("forbidden");
  const { status, body } = await answer;
  expect({ status, body: text(body), parts, begun: begun() }).toEqual({
    status: 403,
    body: "forbidden",
    parts: [],
    begun: false,
  });
});

test("a body that breaks off is no end", async () => {
  using server = await streaming();
  const { parts, taking } = sink();
  const failed = failure(it.get(server.url, { sink: taking }));
  const response = await server.response;
  response.write("half");
  await until(() => parts.length > 0);
  response.destroy();
  expect((await failed).reason).toMatch(/reset|truncated/);
});
