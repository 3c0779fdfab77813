import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../../src/base/index.ts";
import { readStatus, type StatusDocument } from "../../src/cli/status-document.ts";
import { problemsOf } from "../../src/cli/status-judgement.ts";
import type { ComponentSnapshot } from "../../src/component/index.ts";
import { busyBox, component, endpoint, nowMs, target } from "../server/snapshots.ts";
import { cli } from "../support/cli.ts";
import { loaded, serve, statusOf, writing } from "./status-of.ts";

describe("agent status", () => {
  test("tells where targets could not be discovered, and what to do", async () => {
    const failing = {
      name: "/etc/a.json",
      targets: 2,
      fromDisk: false,
      lastError: "Line 3; correct it",
      lastErrorMs: nowMs,
    };
    const discovery = {
      targets: 2,
      sources: 1,
      shownSources: [failing],
      lastError: "Nobody answers",
      lastErrorMs: nowMs,
    };
    const { code, stdout } = await statusOf([component({ id: "discovery.file.a", debugInfo: { discovery } })]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "Targets that could not be discovered:\n  discovery.file.a: Nobody answers\n  discovery.file.a: Line 3; correct it\n",
    );
    expect(stdout).toContain("discovery.file.a: correct what the message names, or the arguments of discovery.file.a");
  });

  test("shows a busy box: what is down with its reason, queues, and what to do next", async () => {
    const { code, stdout } = await statusOf(busyBox(), { config: () => ({ ...loaded, generation: 3 }) });
    expect(code).toBe(1);
    expect(stdout.replace(/127\.0\.0\.1:\d+/, "127.0.0.1:12345")).toBe(
      `pprof-agent 0.1.0 (bun 1.4.5) at http://127.0.0.1:12345/agent: up for 0 s, configuration 3, reloaded 1 min ago

Targets: 8 of 12 up, 3 down, 1 not scraped yet
  DOWN  10.0.0.13:6060 (billing), all types: Cannot connect to "10.0.0.13:6060": connection refused; last success 4 min ago
  DOWN  10.0.0.15:6060 (mailer), process_cpu: Cannot profile the CPU of "10.0.0.15:6060": another profiler is active ("cpu profiling already in use"); last success 33 s ago
  DOWN  10.0.0.14:6060 (search), block, mutex: Expected a pprof profile, got HTML: "<!DOCTYPE html><html><head><title>Sign in</title>"; never succeeded

Endpoints: 1 of 2 up
  DOWN  http://10.1.0.4:4040 (pyroscope.write.staging)
        214 in memory (3.1MiB), 1186 on disk (17.5MiB), oldest 4 min, 1 in flight, next attempt in 12 s
        9871 sent, last 4 min ago, 3 dropped (2 too_old, 1 invalid), its clock is 1 min behind this machine's
        Cannot push to "http://10.1.0.4:4040": 503 Service Unavailable, "at least 1 live replicas required, could only find 0" (1 s ago)
  up    eu https://profiles-eu.example.com (pyroscope.write.staging)
        nothing waits
        1234 sent, last 2 s ago

Components that are not well:
  pyroscope.write.lab: Cannot read "password_file": no such file "/run/secrets/lab"

What to do next:
  pyroscope.write.lab: correct its arguments and reload; until then it goes on with those it had
  http://10.1.0.4:4040 (pyroscope.write.staging): look at the log of the server: its ingesters are not ready
  http://10.1.0.4:4040 (pyroscope.write.staging): profiles waited longer than queue.max_age (now 50m): see why the server could not be reached
  10.0.0.13:6060 (billing), all types: is the process running?
  10.0.0.15:6060 (mailer), process_cpu: \`agent test "http://10.0.0.15:6060/debug/pprof/profile?seconds=14"\` explains every step of a request
  10.0.0.14:6060 (search), block, mutex: \`agent test "http://10.0.0.14:6060/debug/pprof/block"\` explains every step of a request
`,
    );
  });

  test("tells a component that has ended from one that goes on with its old arguments", async () => {
    const health = { state: "unhealthy", message: "Ended unasked: boom", updatedMs: nowMs } as const;
    const { code, stdout } = await statusOf([component({ id: "pyroscope.write.a", health, running: false })]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "Components that are not well:\n  pyroscope.write.a (does not run): Ended unasked: boom\n",
    );
    expect(stdout).toContain("  pyroscope.write.a: it does not run: a reload or a restart starts it anew.");
    expect(stdout).not.toContain("goes on with those it had");
  });

  test.each([
    ["/etc/agent.toml", "/etc/agent.toml"],
    ["my agent.toml", "'my agent.toml'"],
    ["$HOME/it's.toml", "'$HOME/it'\\''s.toml'"],
  ])("names the file %s in a command to copy so that a shell takes it for one word", async (file, quoted) => {
    await using server = await serve([writing(endpoint({ state: "down", lastError: "No" }))]);
    const document = readStatus(await (await fetch(`${server.url}api/v0/status`)).json());
    const next = problemsOf(document as StatusDocument, file).map((problem) => problem.next);
    expect(next).toContain(
      `\`agent test --config ${quoted} --component pyroscope.write.local\` explains every step of a request`,
    );
  });

  const well: Readonly<Record<string, readonly ComponentSnapshot[]>> = {
    "has nothing to do": [],
    "delivers everything": [writing(endpoint())],
    "waits for its first profile": [writing(endpoint({ state: "unknown" }))],
    "dropped something two hours ago": [
      writing(endpoint({ droppedProfiles: 3, droppedByReason: { too_old: 3 }, lastDroppedMs: nowMs - 7_200_000 })),
    ],
  };
  for (const [what, components] of Object.entries(well))
    test(`ends with 0 for an agent that ${what}`, async () => {
      expect(await statusOf(components)).toMatchObject({ code: 0, stderr: "" });
    });

  const unwell: Readonly<Record<string, Parameters<typeof statusOf>>> = {
    "an endpoint that is down": [[writing(endpoint({ state: "down" }))]],
    "profiles dropped half an hour ago": [
      [writing(endpoint({ droppedProfiles: 1, lastDroppedMs: nowMs - 1_800_000 }))],
    ],
    "a disk that is full": [[writing(endpoint({ spoolProblem: "No space is left; free some" }))]],
    "a target of which one type fails": [
      [
        component({
          id: "pyroscope.scrape.a",
          debugInfo: { targets: [target("h:1"), target("h:1", { type: "block", health: "down" })] },
        }),
      ],
    ],
    "a component at fault": [[component({ id: "a.b.c", health: { state: "unhealthy", message: "no", updatedMs: 0 } })]],
    "a reload that failed": [
      [],
      { config: () => ({ ...loaded, failure: { atMs: nowMs, message: "agent.toml:1:1: no" } }) },
    ],
    "components that do not run yet": [[], { ready: () => false }],
  };
  for (const [what, given] of Object.entries(unwell))
    test(`ends with 1 and says what to do for ${what}`, async () => {
      const { code, stdout } = await statusOf(...given);
      expect(code).toBe(1);
      expect(stdout).toMatch(/\nWhat to do next:\n {2}\S/);
    });

  test("says why the last reload failed, and what waits for a restart", async () => {
    const failure = { atMs: nowMs - 60_000, message: "agent.toml:1:1: unknown table\nagent.toml:2:1: another" };
    const { stdout } = await statusOf([], { config: () => ({ ...loaded, failure, needsRestart: ["storage.path"] }) });
    expect(stdout).toContain(
      "The last reload failed 1 min ago, what ran before goes on:\n  agent.toml:1:1: unknown table\n  agent.toml:2:1: another\n",
    );
    expect(stdout).toContain("Changed, but in force only after a restart: storage.path\n");
  });

  test("counts an endpoint that is held off for more than half a minute as trouble, with the reason and how long", async () => {
    const limited = endpoint({
      pausedSinceMs: nowMs - 1000,
      pausedUntilMs: nowMs + 540_000,
      lastError: "Could not push: the server answered 429 with nothing in it",
      lastErrorMs: nowMs - 1000,
    });
    const { code, stdout } = await statusOf([writing(limited)]);
    expect(code).toBe(1);
    expect(stdout).toContain("next attempt in 9 min, or at once when it is told to reload\n");
    expect(stdout).toContain("the server answered 429 with nothing in it (1 s ago)");
    expect(stdout).toContain("a reload (SIGHUP) lets it be tried at once");
    const { code: brief } = await statusOf([writing({ ...limited, pausedUntilMs: nowMs + 5000 })]);
    expect(brief).toBe(0);
  });

  test("counts an endpoint that takes less than there is as trouble, and one that catches up unhindered not", async () => {
    const behind = endpoint({
      spooledProfiles: 46,
      oldestQueuedMs: nowMs - 180_000,
      lastError: "Could not push: a proxy in between answered 429; raise the proxy's limit",
      lastErrorMs: nowMs - 5000,
      lastSuccessMs: nowMs - 1000,
    });
    const { code, stdout } = await statusOf([writing(behind)]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/What to do next:\n.*: raise the proxy's limit\n/);
    const { stdout: json } = await statusOf([writing(behind)], {}, "--json");
    expect(json).toMatch(/takes less than there is: \d+ profiles wait, the oldest for 3 min: Could not push/);
    const unhindered = [{ lastErrorMs: nowMs - 40_000 }, { oldestQueuedMs: nowMs - 60_000 }];
    for (const change of unhindered) expect((await statusOf([writing({ ...behind, ...change })])).code).toBe(0);
  });

  test("counts profiles that were lost to damage on disk as trouble for an hour, and says what to do", async () => {
    const damaged = (lastMs: number) =>
      component({ id: "pyroscope.write.a", debugInfo: { damagedOnDisk: { profiles: 8, lastMs } } });
    const { code, stdout } = await statusOf([damaged(nowMs - 60_000)]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/pyroscope\.write\.a: .*check the disk or SD card/);
    expect((await statusOf([damaged(nowMs - 60_000)], {}, "--json")).stdout).toContain(
      "8 profiles that waited on disk are lost",
    );
    expect((await statusOf([damaged(nowMs - 3_700_000)])).code).toBe(0);
  });

  test("shows the server's last words on what was dropped, and what to do about it", async () => {
    const lastDropMessage = "Could not push: the server answered 400 invalid_argument no such thing";
    const dropped = endpoint({
      droppedProfiles: 2,
      lastDroppedMs: nowMs,
      lastDropMessage,
      dropAdvice: "raise queue.max_disk (now 1MiB)",
    });
    const { stdout } = await statusOf([writing(dropped)]);
    expect(stdout).toContain(`        dropped: ${lastDropMessage}\n`);
    expect(stdout).toContain("http://pyroscope:4040 (pyroscope.write.local): raise queue.max_disk (now 1MiB)\n");
  });

  test("tells an endpoint that refuses everything from one that is up", async () => {
    const lastDropMessage = "Could not push: the server answered 400 with nothing in it";
    const refusal = { lastDropMessage, lastError: lastDropMessage, lastErrorMs: nowMs, lastDroppedMs: nowMs };
    const counts = { droppedProfiles: 212, droppedByReason: { invalid: 212 } };
    const refusing = endpoint({ ...refusal, ...counts, sentProfiles: 0 });
    const { lastSuccessMs: _, ...never } = refusing;
    const endpoints = [
      endpoint(),
      { ...never, url: "http://never" },
      { ...refusing, url: "http://not-now", lastSuccessMs: nowMs - 90_000 },
      { ...refusing, url: "http://some", lastSuccessMs: nowMs - 1000 },
    ];
    const { code, stdout } = await statusOf([writing(...endpoints)]);
    expect(code).toBe(1);
    expect(stdout).toContain("\nEndpoints: 2 of 4 up, 2 refuse every profile\n  REFUSES  ");
    expect(stdout.match(/^ {2}REFUSES .*/gm)).toEqual([
      "  REFUSES  http://pyroscope:4040 http://never (pyroscope.write.local)",
      "  REFUSES  http://pyroscope:4040 http://not-now (pyroscope.write.local)",
    ]);
  });

  test("shows a data directory that cannot be used once, as trouble of its own, and what to do", async () => {
    const message =
      'Cannot use the data directory "/data": another agent uses it (process 7 on "box"); end that one, or set another storage.path';
    const problem = new AgentError("locked", message);
    const { code, stdout } = await statusOf([writing(endpoint({ spoolProblem: message }))], {
      storage: () => ({ path: "/data", problem }),
    });
    expect(code).toBe(1);
    expect(stdout).toContain(
      '\n\nDisk: Cannot use the data directory "/data": another agent uses it (process 7 on "box")\n\n',
    );
    expect(stdout).toEndWith(
      "What to do next:\n  storage.path: end the other agent, or give this one a storage.path of its own and restart it\n",
    );
  });

  test("names three of those that want the same, and counts the others by what they are", async () => {
    const advice = "Cannot connect; check that it runs";
    const targets = Array.from({ length: 5 }, (_, i) => target(`h${i}:1`, { health: "down", lastError: advice }));
    const { stdout } = await statusOf([
      component({ id: "pyroscope.scrape.a", debugInfo: { targets } }),
      writing(endpoint({ state: "down", lastError: advice })),
    ]);
    expect(stdout).toContain(`What to do next:
  http://pyroscope:4040 (pyroscope.write.local): check that it runs
  h0:1 (checkout), all types; h1:1 (checkout), all types; h2:1 (checkout), all types; and 2 more targets: check that it runs
`);
  });

  test("names a target once whose types fail in several ways and want the same", async () => {
    const failing = (type: string) => target("h:1", { type, health: "down", lastError: `No ${type}; switch it off` });
    const targets = [target("h:1"), failing("block"), failing("mutex")];
    const { stdout } = await statusOf([component({ id: "pyroscope.scrape.a", debugInfo: { targets } })]);
    expect(stdout).toEndWith("What to do next:\n  h:1 (checkout), several types: switch it off\n");
  });

  test("counts a target as up of which a type has not been scraped yet", async () => {
    const targets = [
      target("h:1", { type: "memory" }),
      target("h:1", { health: "unknown" }),
      target("i:1", { health: "unknown" }),
    ];
    const { stdout } = await statusOf([component({ id: "pyroscope.scrape.a", debugInfo: { targets } })]);
    expect(stdout).toContain("Targets: 1 of 2 up, 1 not scraped yet\n");
  });

  test("tells a stopping agent from a starting one, and counts endpoints that were not tried yet", async () => {
    const untried = [writing(endpoint({ state: "unknown" }))];
    const { stdout } = await statusOf(untried, { ready: () => false, stopping: () => true });
    expect(stdout).toMatch(/: stopping\n[^]*Endpoints: 0 of 1 up, 1 not tried yet\n[^]*wait until it has stopped/);
    const asked = [writing(endpoint({ state: "unknown", inFlight: 8 }))];
    expect((await statusOf(asked)).stdout).toContain("Endpoints: 0 of 1 up, 1 without an answer yet\n");
    expect((await statusOf([], { ready: () => false })).stdout).toContain(": starting\n");
  });

  test("shows what is on disk for endpoints that left the configuration, which is no trouble", async () => {
    const times = { oldestMs: nowMs - 240_000, keptUntilMs: nowMs + 2_760_000 };
    const kept = { profiles: 16, bytes: 2048 };
    const leftEndpoints = [
      { endpoint: "http://old:4040", ...kept, ...times },
      { endpoint: "http://older:4040", ...kept },
    ];
    const { code, stdout } = await statusOf([component({ id: "pyroscope.write.a", debugInfo: { leftEndpoints } })]);
    expect(code).toBe(0);
    expect(stdout).toContain(`
  http://old:4040 (pyroscope.write.a): 16 on disk (2KiB), oldest 4 min, kept for another 46 min
  http://older:4040 (pyroscope.write.a): 16 on disk (2KiB), kept until the clock of this machine is set
`);
  });

  test("shows what is on disk of components that left the configuration, and until when, which is no trouble", async () => {
    const left = [
      {
        component: "pyroscope.write.old",
        profiles: 1186,
        bytes: 18_350_080,
        oldestMs: nowMs - 240_000,
        keptUntilMs: nowMs + 2_760_000,
      },
      { component: "pyroscope.write.unset", profiles: 1, bytes: 2048 },
      { component: "pyroscope.write.done", profiles: 0, bytes: 0, newerBytes: 4096 },
    ];
    const newer = component({ id: "pyroscope.write.a", debugInfo: { newerSpoolBytes: 20_480 } });
    const { code, stdout } = await statusOf([newer], { leftComponents: () => left });
    expect(code).toBe(0);
    expect(
      stdout,
    ).toContain(`Components that are not in the configuration any more; put back under their names, they have these again:
  pyroscope.write.old: 1186 on disk (17.5MiB), oldest 4 min, kept for another 46 min
  pyroscope.write.unset: 1 on disk (2KiB), kept until the clock of this machine is set

Written by a later version of the agent and left alone; run that version to have it sent, before it is an hour old and servers refuse it:
  pyroscope.write.a: 20KiB in spool/pyroscope.write.a, below storage.path; it takes room of max_disk, and goes when that is needed
  pyroscope.write.done: 4KiB in spool/pyroscope.write.done, below storage.path
`);
  });

  test("says to put a file back that a reload could not read", async () => {
    const failure = { atMs: nowMs, message: "agent.toml: cannot be read: there is no such file" };
    const { stdout } = await statusOf([], { config: () => ({ ...loaded, failure }) });
    expect(stdout).toContain("  agent: put the file back where the agent looks for it");
  });

  test("lists at most 20 of anything and counts the others", async () => {
    const targets = Array.from({ length: 300 }, (_, i) =>
      target(`h${i}:1`, { health: "down", lastError: `Cannot connect to h${i}; look at h${i}` }),
    );
    const endpoints = Array.from({ length: 30 }, (_, i) => endpoint({ url: `http://e${i}`, state: "down" }));
    const { stdout } = await statusOf([
      component({ id: "pyroscope.scrape.a", debugInfo: { targets } }),
      writing(...endpoints),
    ]);
    expect(stdout.match(/^ {2}DOWN {2}h\d+:1/gm)).toHaveLength(20);
    expect(stdout.match(/^ {2}DOWN {2}http:/gm)).toHaveLength(20);
    expect(stdout.match(/… and \d+ more/g)).toEqual(["… and 280 more", "… and 10 more", "… and 81 more"]);
    expect(stdout.split("\n").length).toBeLessThan(130);
  });

  test("prints nothing that a terminal would obey", async () => {
    const attack = "\u001b]0;owned\u0007\u001b[2J\nfake line";
    const failing = target(attack, { health: "down", lastError: attack, service: attack, type: attack, url: attack });
    const { stdout } = await statusOf([
      component({ id: attack, health: { state: "unhealthy", message: attack, updatedMs: 0 } }),
      component({ id: `a.scrape.${attack}`, debugInfo: { targets: [failing, target("h:1")] } }),
      writing(
        endpoint({
          name: attack,
          url: attack,
          state: "down",
          lastError: attack,
          advice: attack,
          spoolProblem: attack,
          droppedProfiles: 1,
          droppedByReason: { [attack]: 1 },
        }),
      ),
    ]);
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(stdout).not.toMatch(/^fake line/m);
  });

  test("names file and component in the commands it suggests", async () => {
    await using server = await serve([writing(endpoint({ state: "down", lastError: "nobody knows" }))]);
    const directory = mkdtempSync(join(tmpdir(), "pprof-status-"));
    try {
      const file = join(directory, "agent.json");
      writeFileSync(file, JSON.stringify({ server: { listen_address: new URL(server.url).host } }));
      const { stdout } = await cli("status", "--config", file);
      expect(stdout).toContain(`\`agent test --config ${file} --component pyroscope.write.local\` explains every step`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
