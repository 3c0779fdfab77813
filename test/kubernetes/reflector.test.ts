// Against a server that says what an API server says and fails at a word: see fake-api-server.ts. The real one is in
// test/discovery/kubernetes.test.ts.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { errorMessage, limits } from "../../src/base/index.ts";
import { type ApiClient, createApiClient, Reflector, resources, textAt } from "../../src/kubernetes/index.ts";
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
  const account = { server: server.url, http: { tls_config: tls }, origin: "a test" };
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

test("a silent watch is given up", async () => {
  await watching();
  await clock.advance(limits.kubernetesIdleMs);
  await passTimeUntil(() => server.history === "list watch watch");
  expect(failures).toEqual([]);
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
  expect(keys()).toEqual(["shop/a"]);
  expect(new Set(failures)).toEqual(
    new Set(['Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status 503 with "etcd is away"']),
  );
});

test.each([
  { what: "no JSON", line: "what?\n", message: "Cannot read the API server: its answer is not JSON" },
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
    message: 'with "Unauthorized"; it does not take the credentials of a test; have they expired?',
  },
  {
    status: 403,
    said: "pods is forbidden",
    message:
      'with "pods is forbidden"; give the account the verbs list and watch on pods: a ClusterRole and a ClusterRoleBinding, or set namespaces to those that it may read',
  },
  { status: 404, said: "", message: "404; is this the address of a Kubernetes API server?" },
  { status: 400, said: "unable to parse", message: '400 with "unable to parse"' },
])("status $status is said with what to do", async ({ status: code, said, message }) => {
  server.refusals.push({ status: code, body: said && JSON.stringify(status(code, said)) });
  run();
  await until(() => failures.length > 0);
  expect(failures[0]).toStartWith('Cannot watch pods: the server "https://127.0.0.1:PORT" answered HTTP status ');
  expect(failures[0]).toEndWith(message);
});

/** Turns the clock, a little at a time so that what comes over the network keeps up, until the condition holds. */
async function passTimeUntil(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
