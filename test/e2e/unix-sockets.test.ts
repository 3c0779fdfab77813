import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/child.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { type Agent, startAgent, startAgentWith } from "./agent.ts";
import { type GoTarget, goCommand, startGoTarget } from "./go-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const types = ["block", "goroutine", "memory", "mutex", "process_cpu"];

describe.skipIf(goCommand === undefined)("two Go programs and a server on unix sockets", () => {
  const directory = mkdtempSync(join(tmpdir(), "unix-"));
  const sockets = { a: join(directory, "a.sock"), b: join(directory, "b.sock"), server: join(directory, "push.sock") };
  let a: GoTarget;
  let b: GoTarget;
  let server: PushServer;
  let agent: Agent;
  let work: ReturnType<typeof setInterval>;

  beforeAll(async () => {
    [a, b, server] = await Promise.all([
      startGoTarget(undefined, sockets.a),
      startGoTarget(undefined, sockets.b),
      startPushServer({ socketPath: sockets.server }),
    ]);
    // Something to see for every type, in every interval.
    work = setInterval(() => {
      void Promise.all([a.contend(3), a.burn(50), b.contend(3), b.burn(50)]).catch(() => undefined);
    }, 250);
    await b.allocate({ bytes: 1000, times: 7 });
    agent = await startAgent(`
[pyroscope.scrape.test]
targets = [
  { __address__ = "unix://${sockets.a}", service_name = "a" },
  { __address__ = "unix://${sockets.b}", service_name = "b" },
  { __address__ = "unix://${directory}/none.sock", service_name = "none" },
]
forward_to = ["pyroscope.write.test"]
scrape_interval = "2s"
[[pyroscope.write.test.endpoint]]
url = "${server.url}:/behind/a/prefix"
`);
    await server.waitFor(() => types.every((type) => ["a", "b"].every((service) => sent(service, type).length > 1)), {
      timeoutMs: 20_000,
    });
  });

  afterAll(async () => {
    clearInterval(work);
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([a?.stop(), b?.stop(), server?.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const sent = (service: string, type: string) =>
    server.accepted.filter(({ labels }) => labels.service_name === service && labels["__name__"] === type);

  test("every type of both arrives, again and again, with the socket as its instance", () => {
    for (const service of ["a", "b"] as const)
      for (const type of types)
        for (const { labels } of sent(service, type)) expect(labels.instance).toBe(`unix://${sockets[service]}`);
  });

  test("what belongs to one socket never comes over the connection to another", () => {
    const allocates = (service: string): boolean[] =>
      sent(service, "memory").map(({ profile }) => profile.stringTable.includes("main.allocateExactly"));
    expect(new Set(allocates("a"))).toEqual(new Set([false]));
    expect(allocates("b")[0]).toBe(true);
  });

  test("the push goes below the endpoint's path", () => {
    expect(new Set(server.requests.map(({ path }) => path))).toEqual(
      new Set(["/behind/a/prefix/push.v1.PusherService/Push"]),
    );
  });

  test("API and metrics name the sockets", async () => {
    const targets = await agent.targets();
    expect(targets.filter(({ labels }) => labels.service_name === "a").map(({ url }) => url)).toContain(
      `unix://${sockets.a}:/debug/pprof/allocs`,
    );
    const name = `${server.url}:/behind/a/prefix`;
    expect((await agent.endpoints("pyroscope.write.test")).get(name)).toMatchObject({ state: "up" });
    expect(await agent.metric("pyroscope_write_sent_profiles_total", { endpoint: name })).toBeGreaterThan(0);
  });

  test("the page names a process by its socket, and links to none", async () => {
    const page = await (await agent.get("/")).text();
    expect(page).toContain(`<bdi>unix://${sockets.a}</bdi></span>`);
    expect(page).not.toContain('href="unix:');
  });

  test("a socket that is not there is said to be so", async () => {
    const error = await eventually("all types have failed", async () => {
      const errors = (await agent.targets()).filter(({ labels }) => labels.service_name === "none");
      return errors.every(({ health }) => health === "down") ? errors[0] : undefined;
    });
    expect(error.last_error_reason).toBe("refused");
    expect(error.last_error).toContain(`${directory}/none.sock`);
    expect(error.last_error).not.toContain("localhost");
  });

  test("a program that starts again at its socket is scraped again", async () => {
    await a.stop();
    expect(existsSync(sockets.a)).toBe(true);
    const errors = await eventually("its death is noticed", async () => {
      const down = (await agent.targets()).filter(
        ({ labels, health }) => labels.service_name === "a" && health === "down",
      );
      return down.length > 1 ? down : undefined;
    });
    expect(errors.map(({ last_error }) => last_error).join()).toContain(sockets.a);
    a = await startGoTarget(undefined, sockets.a);
    await eventually("it is up again", async () =>
      (await agent.targets()).every(({ labels, health }) => labels.service_name !== "a" || health === "up"),
    );
  });
});

describe.skipIf(goCommand === undefined)("agent --target unix://…", () => {
  test("scrapes and keeps what it got, and pushes with --server unix://…", async () => {
    const directory = mkdtempSync(join(tmpdir(), "unix-"));
    const socketPath = join(directory, "with space.sock");
    const target = await startGoTarget(undefined, socketPath);
    await using server = await startPushServer({ socketPath: join(directory, "push.sock") });
    await using agent = await startAgentWith([
      "--target",
      `unix://${socketPath.replace(" ", "%20")}:/debug/pprof/`,
      "--server",
      server.url,
    ]);
    // The interval is 15 s: what comes first is enough.
    await server.waitFor(() => server.accepted.length > 0, { timeoutMs: 20_000 });
    const url = `unix://${socketPath.replace(" ", "%20")}`;
    expect(server.accepted[0]?.labels).toMatchObject({ instance: url, service_name: url });
    expect((await target.requests()).length).toBeGreaterThan(0);
    await agent.stop();
    await target.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test("says what a file is that nobody listens at", async () => {
    const directory = mkdtempSync(join(tmpdir(), "unix-"));
    const file = join(directory, "file.sock");
    writeFileSync(file, "");
    await using agent = await startAgentWith(["--target", `unix://${file}`]);
    const failed = await eventually("it has failed", async () =>
      (await agent.targets()).find(({ health }) => health === "down"),
    );
    expect(failed.last_error).toContain(file);
    rmSync(directory, { recursive: true, force: true });
  });
});
