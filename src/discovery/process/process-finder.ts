import process from "node:process";
import { createHttpClient } from "../../http/index.ts";
import { labelsFrom, type Target } from "../../model/index.ts";
import { compilePattern, type Pattern } from "../../relabel/index.ts";
import { DiscoveryError } from "../discovery-error.ts";
import type { Finder, FinderContext, Report } from "../finder.ts";
import { polling } from "../polling.ts";
import { SkippedObjects } from "../skipped-objects.ts";
import type { ProcessArguments } from "./arguments.ts";
import { mapLimited } from "../map-limited.ts";
import { type ListeningProcess, listeningProcesses } from "./listeners.ts";
import { listeningSockets } from "./listening-sockets.ts";
import { OwnerTable } from "./owner-table.ts";
import type { ProcessInfo } from "./process-info.ts";
import { isLikelyPort, portMatcher } from "./port-ranges.ts";
import type { ProbeOptions } from "./probe.ts";
import { processLabels } from "./process-labels.ts";
import { userNames } from "./user-names.ts";
import { Verdicts } from "./verdicts.ts";

export interface ProcessFinderOptions extends Pick<FinderContext, "clock" | "log" | "userAgent"> {
  /** That of this machine, but for tests. */
  readonly platform?: string;
  readonly proc?: string;
}

/** Finds the processes of this machine that answer pprof at a TCP port (see `Verdicts` for how politely). */
export function processFinder(args: ProcessArguments, options: ProcessFinderOptions): Finder {
  const { clock, platform = process.platform } = options;
  const search = new ProcessSearch(args, options);
  return polling({
    interval: args.refresh_interval,
    clock,
    look: (signal, report) => {
      const problem = platformProblem(platform);
      if (problem !== undefined) throw new DiscoveryError("unsupported", problem);
      return search.look(signal, report);
    },
  });
}

/** Why there is nothing to be found on such a system; `undefined` where there is. */
export function platformProblem(platform: string): string | undefined {
  if (platform === "linux") return undefined;
  return `Cannot look for processes on "${platform}": they are found in /proc, which only Linux has; write their addresses into targets`;
}

/** How many processes are asked at the same time. */
const probesAtOnce = 8;
const thisMachine = "processes";

/** They hold the published ports of containers and hand connections on: the profiles would be those of somebody else. */
const forwarders: ReadonlySet<string> = new Set(["conmon", "docker-proxy", "pasta", "rootlessport", "slirp4netns"]);

class ProcessSearch {
  readonly #args: ProcessArguments;
  readonly #options: ProcessFinderOptions;
  readonly #proc: string;
  readonly #owners: OwnerTable;
  readonly #verdicts: Verdicts;
  readonly #isWantedPort: (port: number) => boolean;
  readonly #matches: Pattern | undefined;
  #toldOfHidden = false;

  constructor(args: ProcessArguments, options: ProcessFinderOptions) {
    this.#args = args;
    this.#options = options;
    this.#proc = options.proc ?? "/proc";
    this.#owners = new OwnerTable(this.#proc, options.clock);
    this.#verdicts = new Verdicts(options.clock);
    this.#isWantedPort = args.ports ? portMatcher(args.ports) : isLikelyPort;
    this.#matches = args.match === undefined ? undefined : compilePattern(args.match);
  }

  async look(signal: AbortSignal, report: Report): Promise<void> {
    const sockets = (await listeningSockets(this.#proc)).filter(({ port }) => this.#isWantedPort(port));
    this.#verdicts.keepOnly(new Set(sockets.map(({ inode }) => inode)));
    const processes = listeningProcesses(await this.#owners.owned(sockets));
    this.#tellOfHidden(processes);
    const skipped = new SkippedObjects();
    const wanted = processes.filter((listening) => this.#isWanted(listening, skipped));
    report.found(thisMachine, await this.#targetsOf(wanted, { signal, skipped }));
    report.skipped(skipped.counts());
  }

  #isWanted({ process: info }: ListeningProcess, skipped: SkippedObjects): boolean {
    if (info?.pid === process.pid) return false;
    const reason = this.#matches
      ? this.#mismatch(info, this.#matches)
      : forwarders.has(info?.name ?? "") && "forwarder";
    if (reason) skipped.add(reason);
    return !reason;
  }

  #mismatch(info: ProcessInfo | undefined, matches: Pattern): string | undefined {
    if (!info) return "hidden_process";
    return [info.name, info.exe, info.cmdline].some((text) => matches(text)) ? undefined : "no_match";
  }

  async #targetsOf(
    processes: readonly ListeningProcess[],
    { signal, skipped }: { readonly signal: AbortSignal; readonly skipped: SkippedObjects },
  ): Promise<readonly Target[]> {
    const users = await userNames();
    const { log, clock, userAgent } = this.#options;
    const client = createHttpClient({ args: { follow_redirects: false, enable_http2: false }, log, clock });
    const probe: ProbeOptions = { client, userAgent, signal, path: this.#args.probe_path };
    try {
      const targets = await mapLimited(processes, probesAtOnce, async (listening) => {
        const found = await this.#addressesOf(listening, probe);
        if (found.length === 0) skipped.add("not_pprof");
        return found.map(({ address, name, uid }): Target => {
          const labels = processLabels({ process: listening.process, name, uid, users, args: this.#args });
          return labelsFrom([["__address__", address], ...labels]);
        });
      });
      return targets.flat();
    } finally {
      client.close();
    }
  }

  /** One of a process that answers: whatever the port, the profiles are those of the process. All that it has where none is asked. */
  async #addressesOf({ process: info, listeners }: ListeningProcess, probe: ProbeOptions): Promise<readonly Found[]> {
    if (!this.#args.probe) return listeners.map(({ addresses: [address = ""], uid }) => ({ address, uid, name: "" }));
    const asked = { ...probe, wantsName: info === undefined };
    const known = listeners.filter((listener) => this.#verdicts.known(listener)?.isPprof);
    for (const listener of [...known, ...listeners]) {
      const { isPprof, address, name } = await this.#verdicts.about(listener, asked);
      if (isPprof) return [{ address, name, uid: listener.uid }];
    }
    return [];
  }

  #tellOfHidden(processes: readonly ListeningProcess[]): void {
    const hidden = processes.filter(({ process: info }) => info === undefined).length;
    if (hidden === 0 || this.#toldOfHidden) return;
    this.#toldOfHidden = true;
    this.#options.log.info(
      "Some processes that listen belong to others, and only what they answer is known of them; as root, or with CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE, the agent knows them all",
      { sockets: hidden },
    );
  }
}

/** A port of a process that becomes a target. */
interface Found {
  readonly address: string;
  readonly uid: number;
  readonly name: string;
}
