import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { buildGoTarget, goCommand } from "../e2e/go-target.ts";
import { requireProgram } from "../matrix/support/require-program.ts";
import { type Child, eventually, runChild, startChild } from "../support/child.ts";

/** A daemon that runs containers, with all that it keeps in a directory of its own. */
export interface ContainerEngine extends AsyncDisposable {
  /** `unix:///tmp/engine-x/api.sock` */
  readonly host: string;
  /** The path of the socket. */
  readonly socketPath: string;
  /** Runs its command-line tool and returns what it wrote. */
  cli(...args: readonly string[]): Promise<string>;
  /** Starts a container that runs test/e2e/go-target, with these options of `run` and arguments of the program; returns its id. */
  run(name: string, options: readonly string[], args?: readonly string[]): Promise<string>;
  /** Of the daemon. */
  readonly pid: number;
}

/** The image that every engine has: nothing but the Go program. */
export const image = "go-target:1";

/** The engine, or why there is none here: its tests are skipped then. */
export type Started = ContainerEngine | { readonly skipped: string };

export function isRunning(started: Started): started is ContainerEngine {
  return "host" in started;
}

/** Limits that even a sandbox may set. */
const ulimits = ["nofile=1024:1024", "nproc=1024:1024"];

/** Docker's own daemon. Two at once fight over the machine's networks, so that one waits for the other. */
export function startDocker(): Promise<Started> {
  const [daemon, tool] = [requireProgram("dockerd"), requireProgram("docker")];
  return start("Docker", {
    programs: [daemon, tool],
    daemon: (at, host) =>
      words(
        `flock --no-fork ${join(tmpdir(), "pprof-agent-dockerd.lock")}`,
        `${daemon} --host ${host} --data-root ${at}/root --exec-root ${at}/exec --pidfile ${at}/pid`,
        `--storage-driver vfs --default-ulimit ${ulimits[0]}`,
      ),
    tool: (_at, host) => [tool ?? "", "--host", host],
    runOptions: [],
    lastly: ["network", "prune", "--force"],
  });
}

/** Podman and its API. */
export function startPodman(): Promise<Started> {
  const podman = requireProgram("podman");
  // crun, Podman's first choice, refuses systems that mix both versions of control groups.
  const runc = requireProgram("runc");
  const flags = (at: string): readonly string[] =>
    words(
      `${podman} --root ${at}/root --runroot ${at}/run --tmpdir ${at}/tmp --storage-driver vfs`,
      `--runtime ${runc} --cgroup-manager cgroupfs --events-backend file`,
    );
  return start("Podman", {
    programs: [podman, runc],
    daemon: (at, host) => [...flags(at), "system", "service", "--time=0", host],
    tool: flags,
    runOptions: ulimits.flatMap((limit) => ["--ulimit", limit]),
  });
}

function words(...lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => line.split(" "));
}

interface EngineOptions {
  readonly programs: readonly (string | undefined)[];
  readonly daemon: (at: string, host: string) => readonly string[];
  readonly tool: (at: string, host: string) => readonly string[];
  readonly runOptions: readonly string[];
  /** To be run once no container is left. */
  readonly lastly?: readonly string[];
}

async function start(title: string, options: EngineOptions): Promise<Started> {
  const reason = reasonToSkip(options);
  if (reason !== undefined) return skip(title, reason);
  // A short path: the daemons make sockets far below it.
  const at = mkdtempSync(join(tmpdir(), "ce-"));
  const socketPath = join(at, "api.sock");
  const host = `unix://${socketPath}`;
  const linksBefore = new Set(overlayLinks());
  const child = startChild(options.daemon(at, host));
  const engine = engineOf({ at, socketPath, host, child, options, linksBefore });
  try {
    await eventually("the daemon answers", () => answers(child, engine), 90_000);
    await engine.cli("import", await imageFile(at), image);
    return engine;
  } catch (thrown) {
    const log = child.output().split("\n").slice(-5).join("\n");
    await engine[Symbol.asyncDispose]();
    return skip(title, `it does not start here: ${String(thrown)}\n${log}`);
  }
}

function reasonToSkip({ programs }: EngineOptions): string | undefined {
  if (programs.includes(undefined)) return "it is not installed";
  if (process.getuid?.() !== 0) return "it needs root";
  return goCommand === undefined ? 'there is no "go" to build what it is to run' : undefined;
}

function skip(title: string, reason: string): Started {
  console.warn(`Tests of discovery with ${title} are skipped: ${reason}`);
  return { skipped: reason };
}

function answers(child: Child, engine: ContainerEngine): Promise<true | undefined> {
  const ended = child.ended.then((exit): never => {
    throw new Error(`The daemon ended with ${exit}`);
  });
  const answered = engine.cli("version").then(
    () => true as const,
    () => undefined,
  );
  return Promise.race([answered, ended]);
}

async function imageFile(at: string): Promise<string> {
  copyFileSync(await buildGoTarget(), join(at, "app"));
  await checked(["tar", "--create", "--file", join(at, "image.tar"), "--directory", at, "app"]);
  return join(at, "image.tar");
}

interface EngineParts {
  readonly at: string;
  readonly socketPath: string;
  readonly host: string;
  readonly child: Child;
  readonly options: EngineOptions;
  readonly linksBefore: ReadonlySet<string>;
}

function engineOf({ at, socketPath, host, child, options, linksBefore }: EngineParts): ContainerEngine {
  const cli = (...args: readonly string[]): Promise<string> => checked([...options.tool(at, host), ...args]);
  return {
    host,
    socketPath,
    cli,
    pid: child.pid,
    run: (name, runOptions, args = []) =>
      cli("run", "--detach", "--name", name, ...options.runOptions, ...runOptions, image, "/app", ...args),
    async [Symbol.asyncDispose]() {
      const left = await cli("ps", "--all", "--quiet").catch(() => "");
      // One by one, the newest first: Podman removes none that another one needs.
      for (const id of left.split("\n")) if (id !== "") await cli("rm", "--force", id).catch(() => undefined);
      if (options.lastly) await cli(...options.lastly).catch(() => undefined);
      await child.stop("SIGTERM", 15_000);
      for (const mount of mountsBelow(at)) await runChild(["umount", mount]);
      for (const link of overlayLinks()) if (!linksBefore.has(link)) await runChild(["ip", "link", "delete", link]);
      rmSync(at, { recursive: true, force: true });
    },
  };
}

/** The machine's interfaces of overlay networks. A swarm that ends may leave one, and the next swarm cannot make its own then. */
function overlayLinks(): readonly string[] {
  return readdirSync("/sys/class/net").filter((link) => /^(vx|ov)-/.test(link));
}

/** What a daemon leaves mounted, the innermost first. */
function mountsBelow(directory: string): readonly string[] {
  const points = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  return points.filter((point) => point.startsWith(`${directory}/`)).toReversed();
}

async function checked(command: readonly string[], attempts = 5): Promise<string> {
  const { exit, stdout, stderr } = await runChild(command);
  // Two daemons that set their networks up at once get into each other's way.
  if (exit !== 0 && attempts > 1 && /IP tables|iptables/i.test(stderr)) return checked(command, attempts - 1);
  if (exit !== 0) throw new Error(`"${command.join(" ")}" ended with ${exit}: ${stderr}`);
  return stdout.trim();
}
