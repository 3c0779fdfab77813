// Against a server that says what an API server says and fails at a word: see fake-api-server.ts. The real one is in
// test/discovery/kubernetes.test.ts.
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { IncomingMessage } from "node:http";
import { errorMessage, limits, Secret, textAt } from "../../src/base/index.ts";
import { type ApiClient, createApiClient, Reflector, resources } from "../../src/kubernetes/index.ts";
import { silentLogger } from "../../src/observability/index.ts";
import { until } from "../http/client-under-test.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeApiServer, status } from "./fake-api-server.ts";

let server: FakeApiServer;
let clock: FakeClock;
let client: ApiClient;
let reflector: Reflector;
let stop: AbortController;
let ended: Promise<void>;
let changed: string[];
let failures: string[];
let signsOfLife: number;

beforeEach(async () => {
  server = await FakeApiServer.start();
  clock = new FakeClock();
  stop = new AbortController();
  [changed, failures, signsOfLife] = [[], [], 0];
  const tls = { ca_pem: server.ca, insecure_skip_verify: false, min_version: "TLS12" } as const;
  const http = { tls_config: tls, bearer_token: new Secret("token-of-a-test") };
  const account = { server: server.url, http, origin: "a test" };
  client = createApiClient({ account, clock, log: silentLogger, userAgent: "test", random: () => 0 });
  reflector = new Reflector({
    client,
    selection: { resource: resources.pods, label: "app=shop", field: "spec.nodeName=n1" },
    keep: (object) => ({ color: textAt(object, "color") }),
    clock,
    listener: {
      changed: (key) => void changed.push(key),
      current: () => void signsOfLife++,
      failed: (error) => void failures.push(errorMessage(error).replace(/:\d{4,5}\b/g, ":PORT")),
    },
  });
  ended = Promise.resolve();
});

afterEach(async () => {
  stop.abort();
  await ended;
  client.close();
  await server[Symbol.asyncDispose]();
  expect(clock.pending, "nothing is left behind").toBe(0);
});

function run(): void {
  ended = reflector.run(stop.signal);
}

/** Runs until the reflector watches. */
async function watching(): Promise<void> {
  run();
  // The list, and then the watch.
  await until(() => signsOfLife === 2);
}

const pod = (name: string, color = "red") => ({ metadata: { name, namespace: "shop" }, color, spec: { much: "more" } });
const keys = (): string[] => [...reflector.keys()].sort();

test("objects are listed page by page and then watched from there", async () => {
  for (let n = 0; n < 250; n++) server.put(pod(`p${n}`));
  await watching();
  expect(keys()).toHaveLength(250);
  expect(reflector.get("shop/p7")).toEqual({ color: "red" });
  expect(server.history).toBe("list list list watch");
  const [list, , last, watch] = server.asked;
  expect(Object.fromEntries(list ?? [])).toEqual({
    limit: "100",
    labelSelector: "app=shop",
    fieldSelector: "spec.nodeName=n1",
  });
  expect(last?.get("continue")).toBe("200");
  expect(Object.fromEntries(watch ?? [])).toEqual({
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: "350",
    timeoutSeconds: "300",
    labelSelector: "app=shop",
    fieldSelector: "spec.nodeName=n1",
  });
});

test("what comes, changes and goes is told, and what its reader does not see is not", async () => {
  server.put(pod("a"));
  server.put(pod("b"));
  await watching();
  expect(changed).toEqual(["shop/a", "shop/b"]);
  changed = [];
  server.put(pod("c"));
  server.put({ ...pod("a"), spec: { much: "else" } });
  server.put(pod("a", "blue"));
  server.delete("shop/b");
  await until(() => changed.length === 3);
  expect(changed).toEqual(["shop/c", "shop/a", "shop/b"]);
  expect(keys()).toEqual(["shop/a", "shop/c"]);
  expect(reflector.get("shop/a")).toEqual({ color: "blue" });
  expect(failures).toEqual([]);
});

test("a watch that ends goes on from the last event or bookmark", async () => {
  await watching();
  server.put(pod("a"));
  server.bookmark();
  await until(() => signsOfLife === 3);
  await clock.advance(10_000);
  server.endWatches();
  await until(() => server.history === "list watch watch");
  expect(server.asked.at(-1)?.get("resourceVersion")).toBe("102");
  expect(failures).toEqual([]);
});

test("a watch that is cut off in the middle of an event loses none and is no failure", async () => {
  await watching();
  server.write('{"type":"ADDED","object":{"metadata":{"na');
  server.breakOff();
  server.put(pod("a"));
  await passTimeUntil(() => keys().length === 1);
  expect(failures).toEqual([]);
});

test("a silent watch is given up, and one that never told of anything is not trusted", async () => {
  await watching();
  server.bookmark();
  await until(() => signsOfLife === 3);
  await clock.advance(limits.kubernetesIdleMs);
  await passTimeUntil(() => server.history === "list watch watch");
  await until(() => signsOfLife === 4);
  await clock.advance(limits.kubernetesIdleMs);
  await passTimeUntil(() => server.history === "list watch watch list watch");
  expect(failures).toEqual([]);
});

test("while no API server is there nothing is lost, and the watch then goes on from where it was", async () => {
  server.put(pod("a"));
  await watching();
  const comeBack = await server.leave();
  await passTimeUntil(() => failures.length === 2);
  expect(keys()).toEqual(["shop/a"]);
  await comeBack();
  await passTimeUntil(() => server.watches === 1);
  expect(server.history).toBe("list watch watch");
  expect(failures[0]).toStartWith("Cannot watch pods: Cannot connect to");
});

const isWatch = (query: URLSearchParams): boolean => query.get("watch") === "true";

test.each([
  {
    what: "is refused",
    answer: { status: 403, body: JSON.stringify(status(403, "pods is forbidden")) },
    message:
      'Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status 403 with "pods is forbidden"; give the account the verb watch on pods, which it lacks beside list; until then they are listed every half a minute',
    watchesPerList: 1,
  },
  {
    what: "is cut off by a proxy before it begins",
    answer: { status: 504, body: "" },
    message:
      'Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status 504; look at the API server: until it answers, what it told before is used',
    watchesPerList: 3,
  },
  {
    what: "ends by an error",
    answer: {
      status: 200,
      body: `${JSON.stringify({ type: "ERROR", object: status(504, "Too large resource version: 9, current: 1") })}\n`,
    },
    message: 'The API server ended a watch: "Too large resource version: 9, current: 1"',
    watchesPerList: 1,
  },
])(
  "where every watch $what, lists tell what changed, at a measured pace",
  async ({ answer, message, watchesPerList }) => {
    server.put(pod("a"));
    server.refuses = (query) => (isWatch(query) ? answer : undefined);
    run();
    await passTimeUntil(() => failures.length === 1);
    server.delete("shop/a");
    server.put(pod("b"));
    await passTimeUntil(() => keys().join() === "shop/b");
    await passTimeUntil(() => failures.length === 7, 1000);
    const [asked, startMs] = [server.asked.length, clock.monotonic()];
    await passTimeUntil(() => clock.monotonic() >= startMs + 300_000, 1000);
    const watches = server.asked.slice(asked).filter(isWatch).length;
    expect(watches, "watches in five minutes, every 15 to 30 s").toBeGreaterThan(8);
    expect(watches).toBeLessThan(22);
    const round = `list${" watch".repeat(watchesPerList)} `;
    const whole = round.repeat(server.asked.length);
    expect(whole.startsWith(server.history), server.history).toBe(true);
    expect(new Set(failures)).toEqual(new Set([message]));
  },
);

test.each([
  ...[429, 500, 502, 503, 504].map((code) => ({
    what: `answers ${code}`,
    fail: () => ({ status: code, body: JSON.stringify(status(code, "not now")) }),
  })),
  {
    what: "hangs up",
    fail: (request: IncomingMessage) => {
      request.socket.destroy();
      return { status: 200, body: "" };
    },
  },
])("an API server that $what now and then is not asked for everything again", async ({ fail }) => {
  await watching();
  for (const [n, name] of ["a", "b", "c"].entries()) {
    server.refuses = (_, request) => fail(request);
    await clock.advance(10_000);
    server.endWatches();
    await passTimeUntil(() => failures.length === 2 * (n + 1));
    server.put(pod(name));
    server.refuses = () => undefined;
    await passTimeUntil(() => keys().includes(`shop/${name}`));
  }
  expect(server.history).toMatch(/^list( watch)+$/);
});

test("an error of a watch is cut, on one line, and tells nobody's token", async () => {
  server.put(pod("a"));
  await watching();
  const said = `no\nBearer token-of-a-test is no good ${"x".repeat(1000)}`;
  server.write(`${JSON.stringify({ type: "ERROR", object: status(500, said) })}\n`);
  await until(() => failures.length > 0);
  expect(failures[0]).toStartWith('The API server ended a watch: "no (secret) is no good xxx');
  expect(failures[0]?.length).toBeLessThan(250);
});

test.each([
  {
    what: "is answered that its version is gone",
    answer: { status: 410, body: JSON.stringify(status(410, "expired")) },
    message: 'Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status 410 with "expired"',
    most: 10,
  },
  {
    what: "has the same next page without end",
    answer: { status: 200, body: JSON.stringify({ metadata: { resourceVersion: "1", continue: "same" } }) },
    message: "Cannot read the API server: after a page of a list it names the same again",
    most: 20,
  },
])("a list that $what is a failure, and is tried again with waits", async ({ answer, message, most }) => {
  server.refuses = () => answer;
  run();
  await passTimeUntil(() => failures.length === 3);
  expect(new Set(failures)).toEqual(new Set([message]));
  expect(server.asked.length).toBeLessThan(most);
});

test("a list that always has another next page is given up", async () => {
  let pages = 0;
  server.refuses = () => ({
    status: 200,
    body: JSON.stringify({ metadata: { resourceVersion: "1", continue: `page-${++pages}` } }),
  });
  run();
  await passTimeUntil(() => failures.length === 1);
  expect(pages).toBe(limits.kubernetesPages + 1);
  expect(failures).toEqual([
    "Cannot read more than 1000 pages of a list; narrow them down with namespaces or selectors",
  ]);
});

test("where the version is too old everything is listed anew, and what went meanwhile is told", async () => {
  server.put(pod("a"));
  server.put(pod("b"));
  await watching();
  changed = [];
  server.lose("shop/a");
  server.endWatches();
  await passTimeUntil(() => server.watches === 1 && changed.length > 0);
  expect(changed).toEqual(["shop/a"]);
  expect(keys()).toEqual(["shop/b"]);
  expect(failures).toEqual([]);
});

test("a list whose continue token expires begins anew", async () => {
  for (let n = 0; n < 150; n++) server.put(pod(`p${n}`));
  server.expiresTokens = true;
  run();
  await passTimeUntil(() => server.watches === 1);
  expect(server.history).toBe("list list list list watch");
  expect(keys()).toHaveLength(150);
});

test("an API server that is gone costs nothing that was known; it is tried with growing waits", async () => {
  server.put(pod("a"));
  await watching();
  const refused = JSON.stringify(status(503, "etcd is away"));
  for (let n = 0; n < 4; n++) server.refusals.push({ status: 503, body: refused });
  server.endWatches();
  const waits: number[] = [];
  for (let n = 1; n <= 4; n++) {
    const startMs = clock.monotonic();
    await passTimeUntil(() => failures.length === n);
    waits.push(clock.monotonic() - startMs);
  }
  expect(waits[3], `waits of ${waits.join(", ")} ms`).toBeGreaterThan(3000);
  await passTimeUntil(() => server.watches === 1);
  expect(server.history, "a list that fails like the watches does not drop the version").toBe(
    "list watch watch watch watch list watch",
  );
  expect(keys()).toEqual(["shop/a"]);
  expect(new Set(failures)).toEqual(
    new Set([
      'Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status 503 with "etcd is away"; look at the API server: until it answers, what it told before is used',
    ]),
  );
});

test.each([
  {
    what: "no JSON",
    line: "what?\n",
    message: "Cannot read the API server: its answer is not JSON; is this the address of a Kubernetes API server?",
  },
  {
    what: "an object without a name",
    line: '{"type":"ADDED","object":{"metadata":{}}}\n',
    message: "Cannot read the API server: an object has no name",
  },
  {
    what: "an unknown event",
    line: '{"type":"NEWS","object":{}}\n',
    message: "Cannot read the API server: the watch tells of no event; is this the address of a Kubernetes API server?",
  },
  {
    what: "an event that is too large",
    line: "x".repeat(limits.kubernetesEventBytes + 1),
    message: "Cannot read the API server: an event is larger than 4MiB",
  },
])("a watch that says $what is a failure, after which everything is listed anew", async ({ line, message }) => {
  server.put(pod("a"));
  await watching();
  server.write(line);
  await until(() => failures.length > 0);
  expect(failures).toEqual([message]);
  expect(keys()).toEqual(["shop/a"]);
  await passTimeUntil(() => server.history === "list watch list watch");
});

test.each([
  {
    status: 401,
    said: "Unauthorized",
    message: 'with "Unauthorized"; renew the credentials of a test, which it does not take: they may have expired',
  },
  {
    status: 403,
    said: "pods is forbidden",
    message:
      'with "pods is forbidden"; give the account the verbs list and watch on pods: a ClusterRole and a ClusterRoleBinding, or set namespaces to those that it may read',
  },
  { status: 404, said: "", message: "404; is this the address of a Kubernetes API server?" },
  { status: 400, said: "unable to parse", message: '400 with "unable to parse"' },
  {
    status: 429,
    said: "too many requests",
    message: 'with "too many requests"; look at the API server: until it answers, what it told before is used',
  },
])("status $status is said with what to do", async ({ status: code, said, message }) => {
  server.refusals.push({ status: code, body: said && JSON.stringify(status(code, said)) });
  run();
  await until(() => failures.length > 0);
  expect(failures[0]).toStartWith('Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status ');
  expect(failures[0]).toEndWith(message);
});

/** Turns the clock, a little at a time so that what comes over the network keeps up, until the condition holds. */
async function passTimeUntil(condition: () => boolean, stepMs = 100): Promise<void> {
  while (!condition()) {
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
