import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/index.ts";
import { type ApiClient, createApiClient, readKubeconfig, resources } from "../../src/kubernetes/index.ts";
import { silentLogger } from "../../src/observability/index.ts";
import { createAuthority } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeApiServer, status } from "./fake-api-server.ts";

const directory = mkdtempSync(join(tmpdir(), "account-"));
const path = join(directory, "config");
afterAll(() => rmSync(directory, { recursive: true }));
let server: FakeApiServer;
let clock: FakeClock;
let client: ApiClient;
/** What the API server takes. */
let taken: string;
/** How often the kubeconfig was read again. */
let readings: number;

beforeEach(async () => {
  server = await FakeApiServer.start();
  clock = new FakeClock();
  [taken, readings] = ["one", 0];
  server.refuses = (_query, { headers }) =>
    headers.authorization === `Bearer ${taken}`
      ? undefined
      : { status: 401, body: JSON.stringify(status(401, "Unauthorized")) };
  write({ token: "one" });
});

afterEach(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
});

function write({ token, ca = server.ca }: { token: string; ca?: string }): void {
  const authority = Buffer.from(ca).toString("base64");
  const config = {
    "current-context": "edge",
    contexts: [{ name: "edge", context: { cluster: "plant", user: "agent" } }],
    clusters: [{ name: "plant", cluster: { server: server.url, "certificate-authority-data": authority } }],
    users: [{ name: "agent", user: { token } }],
  };
  writeFileSync(path, JSON.stringify(config));
}

async function open(): Promise<void> {
  const account = await readKubeconfig(path);
  const renew = (): ReturnType<typeof readKubeconfig> => {
    readings++;
    return readKubeconfig(path);
  };
  client = createApiClient({ account: { ...account, renew }, clock, log: silentLogger, userAgent: "test" });
}

/** `listed`, or why not. */
const list = (): Promise<string> =>
  client
    .list({ resource: resources.pods }, { next: "", signal: new AbortController().signal })
    .then(() => "listed", String);

test("a token that was replaced in the kubeconfig is used by the request that meets the old one's end", async () => {
  await open();
  expect(await list()).toBe("listed");
  taken = "two";
  write({ token: "two" });
  expect(await Promise.all([list(), list(), list()])).toEqual(["listed", "listed", "listed"]);
  expect(await list()).toBe("listed");
  expect(readings, "one reading for all that were turned away together").toBe(1);
});

test("a kubeconfig that stays the same is read again every few seconds at most, and as soon as it differs it counts", async () => {
  await open();
  taken = "two";
  for (let n = 0; n < 5; n++) expect(await list()).toContain("401");
  expect(readings).toBe(1);
  write({ token: "two" });
  await clock.advance(limits.kubeconfigRereadMs);
  expect(await list()).toBe("listed");
  expect(readings).toBe(2);
});

test("an authority that was replaced in the kubeconfig is trusted", async () => {
  write({ token: "one", ca: createAuthority("before").cert });
  await open();
  write({ token: "one" });
  expect(await list()).toBe("listed");
});

test("a kubeconfig that cannot be read any more is told, and read again later", async () => {
  await open();
  taken = "two";
  writeFileSync(path, "half");
  expect(await list()).toBe(
    `KubernetesError: Cannot use the kubeconfig "${path}": it holds no table of clusters, users and contexts`,
  );
  write({ token: "two" });
  await clock.advance(limits.kubeconfigRereadMs);
  expect(await list()).toBe("listed");
});
