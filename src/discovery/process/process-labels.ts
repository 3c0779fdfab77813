import type { ProcessArguments } from "./arguments.ts";
import { containerIdOf, type ProcessInfo } from "./process-info.ts";

export interface ProcessLabelOptions {
  readonly process: ProcessInfo | undefined;
  /** What a process that cannot be seen calls itself. */
  readonly name: string;
  /** Of the user who opened the socket. */
  readonly uid: number;
  readonly users: ReadonlyMap<number, string>;
  readonly args: Pick<ProcessArguments, "include_cmdline" | "probe_path">;
}

/** Of a command line; it may hold secrets, so only where it was asked for. */
const cmdlineLength = 256;
const prefix = "__meta_process_";

/** The meta labels of a target, and the prefix of its profiles' paths. */
export function processLabels(options: ProcessLabelOptions): readonly (readonly [string, string])[] {
  const { process, name, uid, users, args } = options;
  const user = process?.uid ?? uid;
  return [
    ["__profile_path_prefix__", pathPrefix(args.probe_path)],
    [`${prefix}name`, process?.name ?? name],
    [`${prefix}user`, users.get(user) ?? String(user)],
    [`${prefix}pid`, String(process?.pid ?? "")],
    [`${prefix}exe`, process?.exe ?? ""],
    [`${prefix}cgroup`, process?.cgroup ?? ""],
    [`${prefix}container_id`, containerIdOf(process?.cgroup ?? "")],
    [`${prefix}cmdline`, args.include_cmdline ? (process?.cmdline ?? "").slice(0, cmdlineLength).toWellFormed() : ""],
  ];
}

/** `/admin` of `/admin/debug/pprof/`. */
function pathPrefix(probePath: string): string {
  const usual = "/debug/pprof/";
  return probePath.endsWith(usual) ? probePath.slice(0, -usual.length) : "";
}
