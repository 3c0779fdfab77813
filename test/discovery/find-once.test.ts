import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { limits, systemClock } from "../../src/base/index.ts";
import type { ComponentKind, FoundTargets } from "../../src/component/index.ts";
import { dnsKind } from "../../src/discovery/dns.ts";
import { fileKind } from "../../src/discovery/file.ts";
import { httpKind } from "../../src/discovery/http.ts";
import { kubernetesKind } from "../../src/discovery/kubernetes/kubernetes-kind.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { FakeApiServer, status } from "../kubernetes/fake-api-server.ts";
import { runningPod } from "../kubernetes/kubernetes-api.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { addressesOf, parseIn } from "./running-discovery.ts";
import { startScriptedDns } from "./scripted-dns.ts";
import { startSdServer } from "./sd-server.ts";

interface Found extends Omit<FoundTargets, "targets"> {
  readonly addresses: readonly string[];
}

async function findOnce<Arguments>(
  kind: ComponentKind<Arguments>,
  written: unknown,
  { directory = tmpdir(), timeoutMs = 10_000, log = createMemoryLog() } = {},
): Promise<Found> {
  const signal = AbortSignal.timeout(timeoutMs);
  const context = { id: `${kind.name}.test`, clock: systemClock, metrics: createMetrics(), userAgent: "test", log };
  const found = await kind.findTargets?.(parseIn(directory, kind, written), { ...context, signal });
  if (!found) throw new Error(`${kind.name} finds nothing`);
  const { targets, ...rest } = found;
  return { ...rest, addresses: addressesOf(targets) };
}

const well = { isComplete: true, failures: [], remarks: [], skippedObjects: {} };

describe("one look for targets", () => {
  test("asks once and ends with what was answered", async () => {
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1", "b:1", "a:1"] }]);
    expect(await findOnce(httpKind, { url: server.url })).toEqual({ ...well, addresses: ["a:1", "b:1"] });
    expect(server.asked).toHaveLength(1);
  });

  test("ends with a failure of the whole", async () => {
    await using server = await startSdServer();
    server.answer({ status: 500 });
    expect(await findOnce(httpKind, { url: server.url })).toEqual({
      ...well,
      addresses: [],
      failures: [{ source: "", message: expect.stringContaining("500") as string }],
    });
  });

  test("names the sources that failed beside what the others have", async () => {
    await using server = await startScriptedDns();
    server.follow(({ name, type }) =>
      name === "bad.test" ? "SERVFAIL" : type === "A" ? [{ type: "A", name, data: "10.0.0.1" }] : [],
    );
    const found = await findOnce(dnsKind, {
      names: ["good.test", "bad.test"],
      type: "A",
      port: 1,
      servers: server.address,
    });
    expect(found).toMatchObject({ addresses: ["10.0.0.1:1"], isComplete: true, failures: [{ source: "bad.test" }] });
  });

  test("remarks on names that do not exist, or have no such record", async () => {
    await using server = await startScriptedDns();
    server.follow(({ name }) => (name === "none.test" ? "NXDOMAIN" : []));
    const names = ["none.test.", "empty.test."];
    expect(await findOnce(dnsKind, { names, type: "A", port: 1, servers: server.address })).toEqual({
      ...well,
      addresses: [],
      remarks: [
        { source: "none.test.", message: "no such name" },
        { source: "empty.test.", message: "no A record" },
      ],
    });
  });

  test("ends without an answer when there is no more time", async () => {
    await using server = await startSdServer();
    server.answer({ silent: true });
    expect(await findOnce(httpKind, { url: server.url }, { timeoutMs: 200 })).toEqual({
      ...well,
      addresses: [],
      isComplete: false,
    });
  });

  test("keeps out what the component keeps out", async () => {
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1", "unix:///var/run/docker.sock"] }]);
    const log = createMemoryLog();
    expect(await findOnce(httpKind, { url: server.url }, { log })).toEqual({
      ...well,
      addresses: ["a:1"],
      skippedObjects: { unix_socket: 1 },
    });
    expect(log.messages("warn")).toHaveLength(1);
  });

  test("stays within the bounds of the component", async () => {
    const directory = mkdtempSync(join(tmpdir(), "find-once-"));
    try {
      const group = (file: string) => [
        { targets: Array.from({ length: limits.discoveredTargets - 1 }, (_, index) => `${file}${index}:1`) },
      ];
      for (const file of ["a", "b"]) writeFileSync(join(directory, `${file}.json`), JSON.stringify(group(file)));
      const { addresses, failures } = await findOnce(fileKind, { files: ["*.json"] }, { directory });
      expect(addresses).toHaveLength(limits.discoveredTargets - 1);
      expect(failures).toEqual([
        {
          source: join(directory, "b.json"),
          message: expect.stringContaining(`more than ${limits.discoveredTargets}`) as string,
        },
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("lists what is watched, and does not try again what is refused", async () => {
    await using server = await FakeApiServer.start();
    for (const index of [1, 2]) {
      const { metadata, ...pod } = runningPod({ name: `cart-${index}`, ip: `10.0.0.${index}` });
      server.put({ ...pod, metadata: { ...metadata, namespace: "shop" } });
    }
    const written = { role: "pod", api_server: server.url, tls_config: { ca_pem: server.ca } };
    expect(await findOnce(kubernetesKind, written)).toEqual({ ...well, addresses: ["10.0.0.1:6060", "10.0.0.2:6060"] });
    server.refusals.push({ status: 403, body: JSON.stringify(status(403, "Forbidden")) });
    expect(await findOnce(kubernetesKind, written)).toMatchObject({
      addresses: [],
      isComplete: true,
      failures: [{ source: "", message: expect.stringContaining("403") as string }],
    });
  });

  test("ends once every list is there or was refused, and says that no credentials are configured", async () => {
    await using server = await FakeApiServer.start();
    server.refuses = () => ({ status: 401, body: JSON.stringify(status(401, "Unauthorized")) });
    const written = { role: "endpoints", api_server: server.url, tls_config: { ca_pem: server.ca } };
    const { isComplete, failures } = await findOnce(kubernetesKind, written);
    expect([isComplete, failures.length]).toEqual([true, 3]);
    for (const { message } of failures)
      expect(message).toEndWith(
        'with "Unauthorized"; give the agent credentials, for example a bearer token: the configuration has none',
      );
  });
});
