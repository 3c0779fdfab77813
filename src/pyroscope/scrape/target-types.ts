import { isIPv6 } from "node:net";
import { nearest, preview, quoted } from "../../base/index.ts";
import { labelValue, type Target } from "../../model/index.ts";
import type { ScrapeArguments } from "./arguments.ts";
import { enabledTypes, requestedTypes, type ScrapeType } from "./scrape-types.ts";
import { shownAddress, TargetError } from "./scrape-url.ts";

/** Which types are scraped from a target: those its `__profile_types__` lists, else all that are enabled. */
export function typeChoice(args: ScrapeArguments): (target: Target) => readonly ScrapeType[] {
  const usual = enabledTypes(args.profiling_config);
  return (target) => {
    const listed = labelValue(target, "__profile_types__");
    return listed === "" ? usual : requestedTypes(args.profiling_config, new Set(listed.split(",")));
  };
}

/** Why types that a target asks for are not scraped, or none is; a sentence each. */
export function typeProblems({ profiling_config: config }: ScrapeArguments, target: Target): readonly string[] {
  const listed = labelValue(target, "__profile_types__");
  if (listed === "") return enabledTypes(config).length > 0 ? [] : ["no profile type is enabled in profiling_config"];
  const { custom, ...builtIn } = config.profile;
  const blocks = new Map<string, { enabled: boolean; explicit?: boolean }>([
    ...Object.entries(builtIn),
    ...Object.entries(custom).map(([name, { enabled }]) => [name, { enabled, explicit: true }] as const),
  ]);
  return listed.split(",").flatMap((name) => {
    const block = blocks.get(name);
    if (!block) return [`${quoted(name)} is no profile type that is configured${meant(name, blocks.keys())}`];
    return block.enabled || !block.explicit ? [] : [`"${name}" is switched off in profiling_config`];
  });
}

function meant(name: string, known: Iterable<string>): string {
  // What annotations call it.
  const near = name === "cpu" ? "process_cpu" : nearest(name.trim(), known);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

/** Whether the target says itself what is scraped from it: then it is one of several that stand for the same process. */
export function namesItsTypes(target: Target): boolean {
  return labelValue(target, "__profile_types__") !== "";
}

/** Where one type of a target is, by `__profile_TYPE_port__`, `_scheme__` and `_path__`; empty where the target does not say. */
export function ownPlace(target: Target, type: ScrapeType): { address: string; scheme: string; path: string } {
  const own = (setting: string): string => labelValue(target, `__profile_${type.name}_${setting}__`);
  const port = own("port");
  const address = labelValue(target, "__address__");
  return { address: port === "" ? "" : withPort(address, port), scheme: own("scheme"), path: own("path") };
}

/**
 * Where a target says itself what is scraped, and at which ports: its host with the lowest of these ports; else empty. A pod is one target for
 * each port that it declares, and all of them come to the same answer.
 */
export function sharedPlace(target: Target, types: readonly ScrapeType[]): string {
  if (!namesItsTypes(target)) return "";
  const places = types.map((type) => ownPlace(target, type).address).filter((address) => address !== "");
  const [lowest = ""] = places.sort((a, b) => portOf(a) - portOf(b));
  return lowest;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

function withPort(address: string, port: string): string {
  if (!/^\d{1,5}$/.test(port))
    throw new TargetError(
      "bad_address",
      `Cannot scrape "${shownAddress(address)}": the port "${preview(port)}" that is asked for is no number`,
    );
  const host = isIPv6(address) ? `[${address}]` : address.replace(/:\d+$/, "");
  return `${host}:${port}`;
}
