import { readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";

/** What /proc tells of a process; empty where it may not be read. */
export interface ProcessInfo {
  readonly pid: number;
  /** In ticks since the system started; with the pid, no two processes have the same. */
  readonly startTime: string;
  readonly name: string;
  readonly exe: string;
  /** The arguments, separated by spaces. */
  readonly cmdline: string;
  readonly uid: number | undefined;
  readonly cgroup: string;
}

/** The most that is kept of a command line, and the length to which Linux cuts the name of a process: proc(5), comm. */
const cmdlineLength = 4096;
const commLength = 15;

/** `undefined` where there is no such process any more. */
export async function processInfo(proc: string, pid: number): Promise<ProcessInfo | undefined> {
  const directory = join(proc, String(pid));
  const read = (name: string): Promise<string> => readFile(join(directory, name), "utf8").catch(() => "");
  const [startTime, comm, cmdline, status, cgroups, link] = await Promise.all([
    processStart(proc, pid),
    read("comm"),
    read("cmdline"),
    read("status"),
    read("cgroup"),
    readlink(join(directory, "exe")).catch(() => ""),
  ]);
  if (startTime === undefined) return undefined;
  const args = cmdline.slice(0, cmdlineLength).split("\0");
  // What Linux adds once the file was replaced.
  const exe = link.replace(/ \(deleted\)$/, "");
  const [, uid] = /^Uid:\s+\d+\s+(\d+)/m.exec(status) ?? [];
  return {
    pid,
    startTime,
    name: fullName(comm.trimEnd(), [exe, args[0] ?? ""]),
    exe,
    cmdline: args.join(" ").trimEnd(),
    uid: uid === undefined ? undefined : Number(uid),
    cgroup: cgroupOf(cgroups),
  };
}

/** When it started; `undefined` where there is no such process any more. */
export async function processStart(proc: string, pid: number): Promise<string | undefined> {
  const stat = await readFile(join(proc, String(pid), "stat"), "utf8").catch(() => "");
  // The second field is a name in brackets, which may hold both spaces and brackets.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** A name that Linux has cut is taken from the file that runs. */
function fullName(comm: string, paths: readonly string[]): string {
  if (Buffer.byteLength(comm) < commLength) return comm;
  return paths.map((path) => basename(path)).find((name) => name.startsWith(comm)) ?? comm;
}

/** The path in the unified hierarchy, else in systemd's, else in any: `/system.slice/api.service`. */
function cgroupOf(text: string): string {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? []);
  const paths = (controllers: string): string => lines.find(([, named]) => named === controllers)?.[2] ?? "";
  const known = [paths(""), paths("name=systemd"), ...lines.map(([, , path = ""]) => path)];
  return known.find((path) => path !== "" && path !== "/") ?? "";
}

/** The container that a control group belongs to, in the names that Docker, Podman and Kubernetes give. */
export function containerIdOf(cgroup: string): string {
  return /(?:^|[^\da-f])([\da-f]{64})(?:[^\da-f]|$)/.exec(cgroup)?.[1] ?? "";
}
