import { afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  aDirectory,
  argumentsOf,
  aServer,
  aWrite,
  cleanUp,
  endpoint,
  impatientClock,
  status,
  until,
} from "./a-write.ts";

afterEach(cleanUp);

function files(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("what pyroscope.write keeps on disk", () => {
  test("is delivered by the next process, each profile once, and private to its owner", async () => {
    const [server, later, path] = [await aServer(), await aServer(), aDirectory()];
    server.replyWith(503);
    const first = aWrite(path, endpoint(server.url, { name: "main" }));
    await first.append("a", "b", "c", "d");
    await first.stop();
    expect(status(first.component)).toMatchObject({ spooledProfiles: 4, droppedProfiles: 0 });
    expect(first.log.messages("info")).toContain("Profiles are kept on disk for when the component runs again");
    expect(new Set(files(path).map((file) => statSync(file).mode & 0o777))).toEqual(new Set([0o600]));
    // What the first had under way at its end may still reach the first server.
    const second = aWrite(path, endpoint(later.url, { name: "main" }));
    await later.waitFor(() => later.accepted.length === 4);
    await until(() => status(second.component).spooledProfiles === 0);
    expect(later.accepted.map(({ id }) => id).toSorted()).toEqual(["a", "b", "c", "d"]);
    const line = second.log.lines.find(({ message }) => message === "Profiles of an earlier run wait on disk");
    expect(line).toMatchObject({ level: "info", fields: { profiles: 4 } });
    await second.stop();
    const third = aWrite(path, endpoint(later.url, { name: "main" }));
    await until(() => status(third.component).spoolProblem === undefined);
    await third.append("e");
    await later.waitFor(() => later.accepted.length === 5);
    await third.stop();
    expect(later.accepted).toHaveLength(5);
  });

  test("is nothing, not even a directory, while all is well", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    const { append, component, stop } = aWrite(path, endpoint(server.url));
    await append("a", "b");
    await server.waitFor(() => server.accepted.length === 2);
    await until(() => status(component).queuedProfiles === 0);
    await stop();
    expect(existsSync(path)).toBe(false);
  });

  test("is written once where several endpoints are down", async () => {
    const [one, two, path] = [await aServer(), await aServer(), aDirectory()];
    for (const server of [one, two]) server.replyWith(503);
    const endpoints = [endpoint(one.url), endpoint(two.url)];
    const { append, component, metrics } = aWrite(path, endpoints);
    await append("a", "b", "c");
    await until(() => [0, 1].every((index) => status(component, index).state === "down"));
    await until(() => [0, 1].every((index) => status(component, index).spooledProfiles === 3));
    for (let count = 0; count < 5; count++) await append(`more ${count}`);
    await until(() => [0, 1].every((index) => status(component, index).spooledProfiles === 8));
    const text = await metrics.text();
    expect(text).toContain('pyroscope_write_spooled_profiles_total{component_id="pyroscope.write.test"} 8\n');
    for (const server of [one, two]) server.replyWith(undefined);
    for (const server of [one, two]) await server.waitFor(() => server.accepted.length === 8);
  });

  test("stays for an endpoint that leaves the configuration, and is its own when it comes back", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const { append, component, log, stop } = aWrite(path, endpoint(server.url, { name: "main" }));
    await append("a", "b", "c");
    await until(() => status(component).spooledProfiles === 3);
    component.applyConfig(argumentsOf([]));
    await until(() => log.messages("info").includes("Profiles are kept on disk until they are too old"));
    server.replyWith(undefined);
    component.applyConfig(argumentsOf(endpoint(server.url, { name: "main" })));
    await server.waitFor(() => server.accepted.length === 3);
    await until(() => status(component).spooledProfiles === 0);
    await stop();
    expect(log.messages("warn").filter((message) => message.startsWith("Profiles dropped"))).toEqual([]);
  });

  test("is named at the start where its endpoint is not in the configuration any more", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const first = aWrite(path, endpoint(server.url));
    await first.append("a");
    await until(() => status(first.component).spooledProfiles === 1);
    await first.stop();
    const second = aWrite(path, endpoint("http://127.0.0.1:9"));
    const warning = "Profiles on disk are for endpoints that are not in the configuration";
    await until(() => second.log.messages("warn").includes(warning));
    expect(second.log.lines.find(({ message }) => message === warning)?.fields).toMatchObject({
      endpoints: [server.url],
    });
    await second.stop();
    server.replyWith(undefined);
    aWrite(path, endpoint(server.url));
    await server.waitFor(() => server.accepted.length === 1);
  });

  test("is that of the endpoint which got a name, also while it runs", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const first = aWrite(path, endpoint(server.url));
    await first.append("a", "b", "c", "d");
    await first.stop();
    const second = aWrite(path, endpoint(server.url, { name: "central" }));
    await until(() => status(second.component).spooledProfiles === 4);
    expect(second.component.snapshot().leftEndpoints).toBeUndefined();
    await second.stop();
    // Not the other way round: what a name stands for is no longer known.
    const third = aWrite(path, endpoint(server.url));
    await until(() => third.component.snapshot().leftEndpoints !== undefined);
    expect(third.component.snapshot().leftEndpoints).toMatchObject([{ endpoint: "central", profiles: 4 }]);
    expect(await third.metrics.text()).toContain(
      'pyroscope_write_spool_records{component_id="pyroscope.write.test",endpoint="central"} 4',
    );
    await third.append("e", "f", "g", "h");
    await until(() => status(third.component).spooledProfiles === 4);
    third.component.applyConfig(argumentsOf(endpoint(server.url, { name: "central" })));
    await until(() => status(third.component).spooledProfiles === 8);
    server.replyWith(undefined);
    await server.waitFor(() => server.accepted.length === 8);
    await third.stop();
    expect(new Set(server.accepted.map(({ id }) => id)).size).toBe(8);
  });

  test("that was damaged while nobody looked is told with how many profiles that cost", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const first = aWrite(path, endpoint(server.url));
    await first.append("a", "b", "c");
    await until(() => status(first.component).spooledProfiles === 3);
    await first.stop();
    const directory = join(path, "spool", "pyroscope.write.test");
    const segment = join(directory, readdirSync(directory).find((name) => name.endsWith(".log")) ?? "");
    const bytes = readFileSync(segment);
    const middle = Math.floor(bytes.length / 2);
    bytes.fill(0xff, middle - 20, middle + 20);
    writeFileSync(segment, bytes);
    const second = aWrite(path, endpoint(server.url));
    await until(() => second.component.snapshot().damagedOnDisk !== undefined);
    expect(second.component.snapshot().damagedOnDisk?.profiles).toBe(1);
    expect(status(second.component).spooledProfiles).toBe(2);
  });

  const tenant = (name: string) => ({ headers: { "X-Scope-OrgID": name } });

  test("is that of the endpoint which got the tenant that its server asked for, also while it runs", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(401);
    const { component, append } = aWrite(path, endpoint(server.url));
    await append("a", "b");
    await until(() => status(component).spooledProfiles === 2);
    server.replyWith(undefined);
    component.applyConfig(argumentsOf(endpoint(server.url, tenant("squad-1"))));
    await server.waitFor(() => server.accepted.length === 2);
    expect(component.snapshot().leftEndpoints).toBeUndefined();
  });

  test("of one tenant is not sent to another one, and is told apart", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const { component, append, metrics } = aWrite(path, endpoint(server.url, tenant("one")));
    await append("a", "b");
    await until(() => status(component).spooledProfiles === 2);
    component.applyConfig(argumentsOf(endpoint(server.url, tenant("two"))));
    await until(() => component.snapshot().leftEndpoints !== undefined);
    // Not before: what is in flight at the end of the first one would be taken.
    server.replyWith(undefined);
    const shown = `${server.url} (X-Scope-OrgID: one)`;
    expect(component.snapshot().leftEndpoints).toMatchObject([{ endpoint: shown, profiles: 2 }]);
    const text = await metrics.text();
    expect(text).toContain(`pyroscope_write_spool_records{component_id="pyroscope.write.test",endpoint="${shown}"} 2`);
    expect(text).toContain(
      `pyroscope_write_spool_records{component_id="pyroscope.write.test",endpoint="${server.url}"} 0`,
    );
    await append("c");
    await server.waitFor(() => server.accepted.length === 1);
    expect(status(component).spooledProfiles).toBe(0);
  });

  test("is not sent again to one that was there beside it", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const both = [endpoint(server.url), endpoint(server.url, { name: "b", ...tenant("squad-1") })];
    const { component, append } = aWrite(path, both);
    await append("a", "b");
    await until(() => [0, 1].every((index) => status(component, index).spooledProfiles === 2));
    component.applyConfig(argumentsOf(both.slice(1)));
    await until(() => component.snapshot().leftEndpoints !== undefined);
    server.replyWith(undefined);
    await server.waitFor(() => server.accepted.length === 2);
    await until(() => status(component).spooledProfiles === 0);
    expect(component.snapshot().leftEndpoints).toMatchObject([{ endpoint: server.url, profiles: 2 }]);
  });

  test("waits where two endpoints could take it over", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const { component, append } = aWrite(path, endpoint(server.url));
    await append("a", "b");
    await until(() => status(component).spooledProfiles === 2);
    server.replyWith(undefined);
    const two = ["one", "two"].map((name) => endpoint(server.url, { name, ...tenant(name) }));
    component.applyConfig(argumentsOf(two));
    await until(() => component.snapshot().leftEndpoints !== undefined);
    expect(component.snapshot().leftEndpoints).toMatchObject([{ endpoint: server.url, profiles: 2 }]);
  });

  test("is delivered also where nothing new is to be kept on disk", async () => {
    const [server, path] = [await aServer(), aDirectory()];
    server.replyWith(503);
    const first = aWrite(path, endpoint(server.url));
    await first.append("a");
    await until(() => status(first.component).spooledProfiles === 1);
    await first.stop();
    server.replyWith(undefined);
    aWrite(path, endpoint(server.url, { queue: { durability: "memory" } }));
    await server.waitFor(() => server.accepted.length === 1);
  });
});

test("a second agent on the same directory keeps its profiles in memory, and says why", async () => {
  const [server, path] = [await aServer(), aDirectory()];
  server.replyWith(503);
  const [first, second] = [aWrite(path, endpoint(server.url)), aWrite(path, endpoint(server.url))];
  await first.append("a");
  await until(() => status(first.component).spooledProfiles === 1);
  await second.append("b");
  await until(() => status(second.component).spoolProblem !== undefined);
  expect(status(second.component)).toMatchObject({ queuedProfiles: 1, spooledProfiles: 0 });
  const text = await second.metrics.text();
  expect(text).toMatch(/pyroscope_write_spool_errors_total\{component_id="pyroscope.write.test",reason="locked"\} \d/);
  server.replyWith(undefined);
  await server.waitFor(() => server.accepted.length === 2);
});

test("what lies in a data directory that is put in the place of another is sent, whatever was in flight from that one", async () => {
  const [server, path] = [await aServer(), aDirectory()];
  server.replyWith(503);
  const before = aWrite(`${path}-other`, endpoint(server.url));
  await before.append("a", "b");
  await until(() => status(before.component).spooledProfiles === 2);
  await before.stop();
  const { component, append } = aWrite(path, endpoint(server.url, { max_backoff_period: "200ms" }), impatientClock);
  await append("c", "d");
  await until(() => status(component).spooledProfiles === 2);
  renameSync(path, `${path}-before`);
  renameSync(`${path}-other`, path);
  await until(() => status(component).droppedProfiles > 0);
  server.replyWith(undefined);
  await until(() => status(component).sentProfiles + status(component).droppedProfiles === 4);
  expect(server.accepted.map(({ id }) => id)).toEqual(expect.arrayContaining(["a", "b"]));
  expect(status(component)).toMatchObject({
    spooledProfiles: 0,
    droppedByReason: { spool_damaged: expect.any(Number) },
  });
});

test("what lies in a data directory that is mounted late is sent, though nothing else is written", async () => {
  const [server, path] = [await aServer(), aDirectory()];
  server.replyWith(503);
  const before = aWrite(`${path}-unmounted`, endpoint(server.url));
  await before.append("a", "b");
  await until(() => status(before.component).spooledProfiles === 2);
  await before.stop();
  server.replyWith(undefined);
  const { component, log, append } = aWrite(path, endpoint(server.url), impatientClock);
  await append("c");
  await server.waitFor(() => server.accepted.length === 1);
  expect(existsSync(path)).toBe(false);
  renameSync(`${path}-unmounted`, path);
  await server.waitFor(() => server.accepted.length === 3);
  await until(() => status(component).spooledProfiles === 0);
  expect(status(component)).toMatchObject({ sentProfiles: 3, droppedProfiles: 0 });
  expect(log.messages("info")).toContain("Profiles of an earlier run wait on disk");
});

test("what lies in a data directory that is mounted late is that of the endpoint which got a name", async () => {
  const [server, path] = [await aServer(), aDirectory()];
  server.replyWith(503);
  const before = aWrite(`${path}-unmounted`, endpoint(server.url));
  await before.append("a", "b");
  await before.stop();
  server.replyWith(undefined);
  const { component, log, append } = aWrite(path, endpoint(server.url, { name: "main" }), impatientClock);
  await append("c");
  await server.waitFor(() => server.accepted.length === 1);
  renameSync(`${path}-unmounted`, path);
  await server.waitFor(() => server.accepted.length === 3);
  await until(() => status(component).spooledProfiles === 0);
  expect(log.messages("warn")).toEqual([]);
  expect(component.snapshot().leftEndpoints).toBeUndefined();
});

test("what lies in a data directory that is mounted late is named where nobody sends it", async () => {
  const [server, path] = [await aServer(), aDirectory()];
  server.replyWith(503);
  const before = aWrite(`${path}-unmounted`, endpoint(server.url, { name: "former" }));
  await before.append("a");
  await before.stop();
  server.replyWith(undefined);
  const { log, append } = aWrite(path, endpoint(server.url, { name: "main" }), impatientClock);
  await append("b");
  await server.waitFor(() => server.accepted.length === 1);
  renameSync(`${path}-unmounted`, path);
  const named = "Profiles on disk are for endpoints that are not in the configuration";
  await until(() => log.messages("warn").includes(named));
});

test("a journal that cannot be written is said while it lasts, and stops nothing", async () => {
  const [good, bad, path] = [await aServer(), await aServer(), aDirectory()];
  for (const server of [good, bad]) server.replyWith(503);
  const { component, append, log, metrics } = aWrite(path, [endpoint(good.url), endpoint(bad.url)]);
  await append("a");
  await until(() => [0, 1].every((index) => status(component, index).spooledProfiles === 1));
  const journal = join(path, "spool", "pyroscope.write.test", "0000000000000001.settled");
  mkdirSync(journal);
  good.replyWith(undefined);
  await until(() => status(component).spoolProblem !== undefined);
  expect(status(component)).toMatchObject({ sentProfiles: 1, spooledProfiles: 0 });
  const begins = "Cannot write down which profiles were delivered from disk, a restart may send them again";
  expect(status(component).spoolProblem).toStartWith(begins);
  expect(log.messages("warn").filter((message) => message === begins)).toHaveLength(1);
  expect(await metrics.text()).toMatch(/pyroscope_write_spool_errors_total\{.*\} 1/);
  rmdirSync(journal);
  await append("b");
  await until(() => status(component).spoolProblem === undefined);
});
