import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { listeningProcesses } from "../../src/discovery/process/listeners.ts";
import { listeningSockets } from "../../src/discovery/process/listening-sockets.ts";
import { OwnerTable, type OwnedSocket } from "../../src/discovery/process/owner-table.ts";
import { isLikelyPort, portMatcher } from "../../src/discovery/process/port-ranges.ts";
import { containerIdOf, processInfo } from "../../src/discovery/process/process-info.ts";
import { Verdicts } from "../../src/discovery/process/verdicts.ts";
import { createHttpClient } from "../../src/http/index.ts";
import { eventually } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startSdServer } from "./sd-server.ts";

/** A directory with these files, as /proc would have them; a value that begins with "->" is a link. */
function fakeProc(files: Readonly<Record<string, string>>): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "proc-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    if (content.startsWith("->")) symlinkSync(content.slice(2), join(path, name));
    else writeFileSync(join(path, name), content);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

function line(local: string, { state = "0A", uid = 0, inode = 1 } = {}): string {
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;
}

describe("The sockets that listen", () => {
  test.skipIf(endianness() !== "LE")("are read from the kernel's table, which lists them first", async () => {
    const many = line("0100007F:1F90", { state: "01", inode: 9 }).repeat(10_000);
    using proc = fakeProc({
      "net/tcp": head + line("0100007F:17AC", { uid: 1000, inode: 12 }) + line("0500000A:0050", { inode: 13 }) + many,
      "net/tcp6":
        head +
        line("00000000000000000000000000000000:17AD", { inode: 14 }) +
        line("0000000000000000FFFF00000100007F:17AE", { inode: 15 }) +
        line("B80D0120000000000000000001000000:17AF", { inode: 16 }),
    });
    expect(await listeningSockets(proc.path)).toEqual([
      { inode: "12", ip: "127.0.0.1", port: 6060, uid: 1000 },
      { inode: "13", ip: "10.0.0.5", port: 80, uid: 0 },
      { inode: "14", ip: "::", port: 6061, uid: 0 },
      { inode: "15", ip: "127.0.0.1", port: 6062, uid: 0 },
      { inode: "16", ip: "2001:db8::1", port: 6063, uid: 0 },
    ]);
  });

  test("are none in a table without any, and without IPv6", async () => {
    using proc = fakeProc({ "net/tcp": head });
    expect(await listeningSockets(proc.path)).toEqual([]);
  });

  test("are too many above a limit", async () => {
    using proc = fakeProc({ "net/tcp": head + line("0100007F:17AC").repeat(40_000) });
    await expect(listeningSockets(proc.path)).rejects.toMatchObject({ reason: "too_large" });
  });

  test("cannot be read without /proc, which is said", async () => {
    const message = 'Cannot read "/nonexistent/net/tcp": ENOENT';
    await expect(listeningSockets("/nonexistent")).rejects.toMatchObject({ reason: "unreadable", message });
  });

  test("belong to the process with the lowest number, and to init only where nobody else has them", async () => {
    const stat = "1 (a) b) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 77 0";
    using proc = fakeProc({
      "1/fd/3": "->socket:[100]",
      "1/fd/4": "->socket:[200]",
      "1/stat": stat,
      "20/fd/5": "->socket:[100]",
      "20/stat": stat,
      "3/fd/5": "->socket:[100]",
      "3/fd/6": "->/dev/null",
      "3/stat": stat,
      "net/tcp": head,
    });
    const sockets = ["100", "200", "300"].map((inode) => ({ inode, ip: "::", port: 6060, uid: 0 }));
    const owned = await new OwnerTable(proc.path, new FakeClock()).owned(sockets);
    expect(owned.map(({ inode, process }) => [inode, process?.pid])).toEqual([
      ["100", 3],
      ["200", 1],
      ["300", undefined],
    ]);
  });

  test("that nobody or only init was seen to hold are searched for again, then once a minute", async () => {
    const stat = "1 (a) b) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 77 0";
    using proc = fakeProc({ "1/fd/3": "->socket:[100]", "1/stat": stat, "7/fd/3": "->socket:[300]", "7/stat": stat });
    const clock = new FakeClock();
    const table = new OwnerTable(proc.path, clock);
    const pids = async () => {
      const owned = await table.owned(["100", "200", "300"].map((inode) => ({ inode, ip: "::", port: 6060, uid: 0 })));
      return owned.map(({ process }) => process?.pid);
    };
    const begin = (pid: number, inode: number): void => {
      mkdirSync(join(proc.path, `${pid}/fd`), { recursive: true });
      writeFileSync(join(proc.path, `${pid}/stat`), stat);
      symlinkSync(`socket:[${inode}]`, join(proc.path, `${pid}/fd/5`));
    };
    expect(await pids()).toEqual([1, undefined, 7]);
    begin(20, 100);
    expect(await pids()).toEqual([20, undefined, 7]);
    expect(await pids()).toEqual([20, undefined, 7]);
    begin(30, 200);
    // Not worth a look at all open files, again and again.
    await clock.advance(59_000);
    expect(await pids()).toEqual([20, undefined, 7]);
    await clock.advance(1000);
    expect(await pids()).toEqual([20, 30, 7]);
    rmSync(join(proc.path, "20"), { recursive: true });
    expect(await pids()).toEqual([1, 30, 7]);
  });
});

describe("A process", () => {
  test("has its whole name, however Linux cut it, its user, its group and its arguments", async () => {
    using proc = fakeProc({
      "7/comm": "plant-controlle\n",
      "7/cmdline": "/opt/plant-controller\0--level\0debug\0",
      "7/exe": "->/opt/plant-controller (deleted)",
      "7/status": "Name:\tx\nUid:\t1000\t1001\t1000\t1000\n",
      "7/cgroup": "12:pids:/a\n1:name=systemd:/system.slice/plant.service\n0::/\n",
      "7/stat": "7 (a) b) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 77 0",
    });
    expect(await processInfo(proc.path, 7)).toEqual({
      pid: 7,
      startTime: "77",
      name: "plant-controller",
      exe: "/opt/plant-controller",
      cmdline: "/opt/plant-controller --level debug",
      uid: 1001,
      cgroup: "/system.slice/plant.service",
    });
    expect(await processInfo(proc.path, 8)).toBeUndefined();
  });

  const id = "0123456789abcdef".repeat(4);
  const groups: readonly [cgroup: string, containerId: string][] = [
    [`/docker/${id}`, id],
    [`/system.slice/docker-${id}.scope`, id],
    [`/machine.slice/libpod-${id}.scope/container`, id],
    [`/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id}.scope`, id],
    ["/system.slice/cron.service", ""],
    [`/x/${id}0`, ""],
  ];

  test.each(groups)("in the group %s is in the container %p", (cgroup, containerId) => {
    expect(containerIdOf(cgroup)).toBe(containerId);
  });
});

describe("What listens", () => {
  const process = (pid: number) => ({ pid, startTime: "1", name: "a", exe: "", cmdline: "", uid: 0, cgroup: "" });
  const at = (ip: string, port: number, pid?: number): OwnedSocket => ({
    inode: `${ip} ${port} ${pid}`,
    ip,
    port,
    uid: 5,
    process: pid === undefined ? undefined : process(pid),
  });
  const cases: readonly [title: string, sockets: readonly OwnedSocket[], addresses: readonly string[][][]][] = [
    ["at all addresses", [at("0.0.0.0", 1, 7)], [[["127.0.0.1:1"]]]],
    ["at all addresses of IPv6, mostly of IPv4 too", [at("::", 1, 7)], [[["127.0.0.1:1", "[::1]:1"]]]],
    ["at an address of the machine", [at("10.0.0.5", 1, 7)], [[["10.0.0.5:1"]]]],
    ["at both loopback addresses is one", [at("::1", 1, 7), at("127.0.0.1", 1, 7)], [[["127.0.0.1:1"]]]],
    [
      "beside somebody else at the same port",
      [at("::", 1, 7), at("0.0.0.0", 1, 8)],
      [[["[::1]:1"]], [["127.0.0.1:1"]]],
    ],
    ["at two ports is asked at the lower one first", [at("::1", 9, 7), at("::1", 8, 7)], [[["[::1]:8"], ["[::1]:9"]]]],
    [
      "unseen, at two ports, may be two",
      [at("127.0.0.1", 9), at("127.0.0.1", 8)],
      [[["127.0.0.1:9"]], [["127.0.0.1:8"]]],
    ],
    ["at a link-local address cannot be reached", [at("fe80::1", 9, 7)], []],
  ];

  test.each(cases)("%s", (_title, sockets, addresses) => {
    const found = listeningProcesses(sockets).map(({ listeners }) => listeners.map(({ addresses: own }) => [...own]));
    expect(found).toEqual(addresses as string[][][]);
  });

  test("at a usual port of another protocol is left alone, unless it is asked for", () => {
    expect([22, 1023, 1024, 5432, 6060, 6379, 65_535].filter(isLikelyPort)).toEqual([1024, 6060, 65_535]);
    const matches = portMatcher(["22", "6379-6380"]);
    expect([21, 22, 6378, 6379, 6380, 6381].filter(matches)).toEqual([22, 6379, 6380]);
  });
});

describe("A listener that is busy", () => {
  test("is asked again after a minute, five times at most, and then counts as it answers", async () => {
    const clock = new FakeClock();
    const verdicts = new Verdicts(clock);
    await using server = await startSdServer();
    const { host } = new URL(server.url);
    const client = createHttpClient();
    const options = { client, path: "/", userAgent: "x", signal: new AbortController().signal, wantsName: false };
    const listener = (inode: string) => ({ inode, port: 1, uid: 0, addresses: [host] });
    const ask = async (inode: string): Promise<boolean> => (await verdicts.about(listener(inode), options)).isPprof;
    server.answer({ status: 503 });
    expect([await ask("1"), await ask("1"), server.asked.length]).toEqual([false, false, 1]);
    await clock.advance(60_000);
    server.answer({ body: "<title>/debug/pprof/</title> goroutine heap" });
    expect([await ask("1"), await ask("1"), server.asked.length]).toEqual([true, true, 2]);
    server.answer({ status: 429 });
    for (let minute = 0; minute < 10; minute++) {
      expect(await ask("2")).toBe(false);
      await clock.advance(60_000);
    }
    expect(server.asked.length).toBe(2 + 5);
    verdicts.keepOnly(new Set(["2"]));
    expect(verdicts.known(listener("1"))).toBeUndefined();
    client.close();
  });

  test("may be one that says nothing in time, which a program does that is starting", async () => {
    const clock = new FakeClock();
    const verdicts = new Verdicts(clock);
    await using server = await startSdServer();
    const client = createHttpClient({ clock });
    const options = { client, path: "/", userAgent: "x", signal: new AbortController().signal, wantsName: false };
    const listener = { inode: "1", port: 1, uid: 0, addresses: [new URL(server.url).host] };
    server.answer({ silent: true });
    const first = verdicts.about(listener, options);
    await eventually("it is asked", () => (server.asked.length === 1 ? true : undefined));
    await clock.advance(2000);
    expect((await first).isPprof).toBe(false);
    server.answer({ body: "<title>/debug/pprof/</title> goroutine heap" });
    expect((await verdicts.about(listener, options)).isPprof).toBe(false);
    await clock.advance(60_000);
    expect((await verdicts.about(listener, options)).isPprof).toBe(true);
    client.close();
  });
});
