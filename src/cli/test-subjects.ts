import { Duration, limits, nearestFirst } from "../base/index.ts";
import type { ComponentConfig } from "../component/index.ts";
import { loadConfig } from "../config/index.ts";
import type { HttpArguments } from "../http/index.ts";
import { kinds } from "../kinds.ts";
import { type PlannedScrape, profileTypes } from "../model/index.ts";
import type { ScrapeArguments } from "../pyroscope/scrape/index.ts";
import type { EndpointArguments, WriteArguments } from "../pyroscope/write/index.ts";
import { type CommandLine, flagValue } from "./command.ts";
import type { CliIo } from "./io.ts";
import { maskedUrl, parseTestUrl, type TestUrl } from "./test-url.ts";
import { UsageError } from "./usage-error.ts";

/** One profile to ask for. */
export interface ProfileRequest {
  readonly type: string;
  readonly url: string;
  /** Deadline of the request, the time that the target profiles for included. */
  readonly timeoutMs: number;
  /** How long the target profiles before it answers. */
  readonly profiledMs: number;
  /** Whether it is a failure where nothing is served. */
  readonly isRequired: boolean;
}

/** Profiles of one process. */
export interface ProfilesSubject {
  readonly what: "profiles";
  readonly title: string;
  /** The component whose settings are used. */
  readonly component?: string;
  /** The file that holds it. */
  readonly file?: string;
  /** As `--target` takes it. */
  readonly process: string;
  readonly args: HttpArguments;
  readonly maxBytes: number;
  readonly requests: readonly [ProfileRequest, ...ProfileRequest[]];
}

/** One endpoint of a `pyroscope.write`. */
export interface EndpointSubject {
  readonly what: "endpoint";
  readonly title: string;
  readonly component: string;
  readonly endpoint: EndpointArguments;
  readonly timeoutMs: number;
}

export type Subject = ProfilesSubject | EndpointSubject;

/** What the command line asks to be tested; at least one. Throws UsageError, ConfigError. */
export async function subjectsOf(line: CommandLine, io: CliIo): Promise<readonly Subject[]> {
  const [text] = line.args;
  const timeoutMs = timeoutOf(line);
  const file = flagValue(line, "config");
  const id = flagValue(line, "component");
  if (file === undefined) {
    if (id !== undefined) throw new UsageError(`Flag "--component" needs the file that holds it: --config FILE`);
    if (text === undefined) throw new UsageError("Nothing to test: give a URL, or --config FILE");
    return [urlSubject(parseTestUrl(text), { args: {}, maxBytes: limits.profileBytes, timeoutMs })];
  }
  const { components } = await loadConfig({ path: file, kinds, env: io.env });
  const testable = components.filter(isTestable);
  const chosen = id === undefined ? testable : testable.filter((component) => component.id === id);
  if (text !== undefined && id === undefined && testable.length !== 1)
    throw new UsageError(`A URL is tested with the settings of one component: give --component ${namesOf(testable)}`);
  if (id !== undefined && chosen.length === 0)
    throw new UsageError(`No component "${id}" to test in "${file}": it has ${namesOf(testable, id)}`);
  const options = { file, text, timeoutMs, all: line.flags.has("all") };
  const subjects = chosen.flatMap((component) => componentSubjects(component, options));
  if (subjects.length === 0)
    throw new UsageError(`Nothing to test in "${file}": no literal target and no endpoint; give a URL`);
  return subjects;
}

function timeoutOf(line: CommandLine): number | undefined {
  const text = flagValue(line, "timeout");
  if (text === undefined) return undefined;
  const duration = Duration.parse(text);
  if (!duration || duration.ms <= 0) throw new UsageError(`Flag "--timeout" is a duration such as 30s: got "${text}"`);
  return duration.ms;
}

function isTestable({ kind }: ComponentConfig): boolean {
  return kind.plan !== undefined || kind.name === "pyroscope.write";
}

/** More would not be read. */
const maxNames = 10;

/** The ids to choose from, those first that were probably meant. */
function namesOf(components: readonly ComponentConfig[], meant?: string): string {
  const written = components.map(({ id }) => id);
  const ids = meant === undefined ? written : nearestFirst(meant, written);
  const more = ids.length > maxNames ? `, or one of ${ids.length - maxNames} more` : "";
  return `${ids.slice(0, maxNames).join(" or ")}${more}` || "none";
}

interface ComponentOptions {
  readonly file: string;
  readonly text: string | undefined;
  readonly timeoutMs: number | undefined;
  /** Every target, and not only the first. */
  readonly all: boolean;
}

function componentSubjects(component: ComponentConfig, options: ComponentOptions): readonly Subject[] {
  const { id, kind } = component;
  if (kind.plan === undefined) return endpointSubjects(id, component.args as WriteArguments, options);
  const args = component.args as ScrapeArguments;
  const maxBytes = args.body_size_limit.bytes;
  if (options.text !== undefined) {
    const { file, timeoutMs } = options;
    return [urlSubject(parseTestUrl(options.text), { component: id, file, args, maxBytes, timeoutMs })];
  }
  const byTarget = Map.groupBy(kind.plan(id, args), ({ url }) => parseTestUrl(url).process);
  const targets = [...byTarget].map(([process, scrapes]): ProfilesSubject => {
    const [first, ...others] = scrapes.map((scrape) => requestOf(scrape, options.timeoutMs)) as [
      ProfileRequest,
      ...ProfileRequest[],
    ];
    const { file } = options;
    return {
      what: "profiles",
      title: process,
      component: id,
      file,
      process,
      args,
      maxBytes,
      requests: [first, ...others],
    };
  });
  return options.all ? targets : targets.slice(0, 1);
}

/** The time to profile is not what `--timeout` means: it comes on top of that. */
function requestOf({ type, url, timeoutMs, seconds = 0 }: PlannedScrape, askedMs: number | undefined): ProfileRequest {
  const profiledMs = seconds * 1000;
  return {
    type,
    url,
    profiledMs,
    timeoutMs: askedMs === undefined ? timeoutMs : askedMs + profiledMs,
    isRequired: true,
  };
}

interface UrlOptions extends Pick<ProfilesSubject, "args" | "maxBytes" | "component" | "file"> {
  readonly timeoutMs: number | undefined;
}

const usualTimeoutMs = 30_000;

function urlSubject(url: TestUrl, { timeoutMs, ...settings }: UrlOptions): ProfilesSubject {
  const { process, addedSeconds } = url;
  const request = (type: string, at: string, isRequired: boolean): ProfileRequest => {
    const profiledMs = secondsIn(at) * 1000;
    return { type, url: at, isRequired, profiledMs, timeoutMs: (timeoutMs ?? usualTimeoutMs) + profiledMs };
  };
  const shared = { what: "profiles", process, ...settings } as const;
  if (url.isProcess) {
    const [first, ...others] = standardPaths.map(({ type, path }) => request(type, url.at(path), false)) as [
      ProfileRequest,
      ...ProfileRequest[],
    ];
    return { ...shared, title: process, requests: [first, ...others] };
  }
  const note = addedSeconds ? ", with seconds=1 because a Go program profiles for 30 s otherwise" : "";
  return { ...shared, title: `${maskedUrl(url.url)}${note}`, requests: [request("profile", url.url, true)] };
}

/**
 * What a process may serve. Not the godeltaprof types: each answer counts since the one before, so that asking would take
 * values from whoever scrapes them.
 */
const standardPaths = profileTypes
  .filter(({ replaces }) => replaces === undefined)
  .map(({ name, path, timed }) => ({ type: name, path: timed ? `${path}?seconds=1` : path }));

function secondsIn(url: string): number {
  const seconds = Number(/[?&]seconds=(\d+)/.exec(url)?.[1] ?? 0);
  return Number.isFinite(seconds) ? seconds : 0;
}

function endpointSubjects(
  id: string,
  { endpoint: endpoints }: WriteArguments,
  { text, timeoutMs }: ComponentOptions,
): readonly EndpointSubject[] {
  const plain = (url: string): string => url.replace(/\/+$/, "");
  const chosen = endpoints.filter(({ url, name }) => text === undefined || name === text || plain(url) === plain(text));
  if (chosen.length === 0 && text !== undefined) {
    const known = endpoints.map(({ url, name }) => name ?? maskedUrl(url)).join(" or ");
    throw new UsageError(`Component "${id}" has no such endpoint: it has ${known || "none"}`);
  }
  return chosen.map((endpoint) => ({
    what: "endpoint",
    title: maskedUrl(endpoint.url),
    component: id,
    endpoint,
    timeoutMs: timeoutMs ?? endpoint.remote_timeout.ms,
  }));
}
