import { AgentError, limits, preview } from "../../base/index.ts";
import {
  type Labels,
  labelsFrom,
  labelsKey,
  labelsMap,
  labelValue,
  legalLabelName,
  type PlannedScrape,
  type Target,
} from "../../model/index.ts";
import { relabel, type Rule, targetRules } from "../../relabel/index.ts";
import type { ScrapeArguments } from "./arguments.ts";
import { atOnce, type Work } from "./in-turns.ts";
import { ScrapeSet } from "./scrape-set.ts";
import type { ScrapeType } from "./scrape-types.ts";
import {
  buildUrl,
  processAt,
  type Origin,
  originOf,
  shownAddress,
  type Query,
  splitPath,
  TargetError,
  type TargetReason,
} from "./scrape-url.ts";
import { inferServiceName } from "./service-name.ts";
import { ownPlace, sharedPlace, typeChoice } from "./target-types.ts";

/** One (target, type): all that its loop needs to know. */
export interface Scrape extends PlannedScrape {
  /** What makes two scrapes the same one over restarts and reloads: type, URL and series. */
  readonly identity: string;
  /** Its `__address__` with port or that of its unix socket, whatever labels it carries. */
  readonly address: string;
  /** The process, as far as the URL tells: several may share an address, each behind a path of its own. */
  readonly process: string;
  /** Where targets are shared, by what it is decided whose this one is: the same for all types of a target, whichever port they are at. */
  readonly owner: string;
  readonly profileType: ScrapeType;
  /** Whether the target subtracts two states, so that gauges may come out negative. */
  readonly mayBeNegative: boolean;
  /** Whether it takes `runtime/pprof`'s CPU profile, of which a process gives one at a time. */
  readonly exclusive: boolean;
  /** Whether `seconds` was chosen by the agent, which may then choose a shorter one. */
  readonly ownSeconds: boolean;
  /** The same request with another `seconds`. */
  urlWithSeconds(seconds: number): string;
}

/** What is asked for, whatever labels the profiles get: a loop may go on with what another one of the same key has left. */
export function baselineKey({ type, url }: Pick<Scrape, "type" | "url">): string {
  return `${type}\n${url}`;
}

/** The scrapes of a component's targets, and the targets that none can be made of. */
export interface ScrapePlan {
  readonly scrapes: readonly Scrape[];
  readonly errors: readonly TargetError[];
  /** Targets that a rule dropped. */
  readonly dropped: number;
}

export interface PlanOptions {
  readonly id: string;
  readonly args: ScrapeArguments;
  /** phlare.scrape does not infer `service_name`. */
  readonly infersServiceName: boolean;
}

/** Every enabled type of every target that the rules keep; equal ones once. A bad target costs only itself. */
export function planScrapes(targets: readonly Target[], options: PlanOptions): ScrapePlan {
  return atOnce(createPlanner()(targets, options));
}

/**
 * `planScrapes` for somebody who asks again and again: a target that is the same object as before, under the same arguments, is not planned
 * anew. It may be left after every target: thousands of them take a second.
 */
export function createPlanner(): (targets: readonly Target[], options: PlanOptions) => Work<ScrapePlan> {
  let plannedWith: PlanOptions["args"] | undefined;
  let known = new WeakMap<Target, TargetPlan>();
  return function* planInSteps(targets, options) {
    if (plannedWith !== options.args) known = new WeakMap();
    plannedWith = options.args;
    // Other arguments may come before this is done.
    const ofThese = known;
    const plan = createTargetPlan(options);
    const scrapes = new ScrapeSet();
    const errors: TargetError[] = [];
    let dropped = 0;
    for (const target of targets) {
      const planned = ofThese.get(target) ?? plan(target);
      ofThese.set(target, planned);
      if (planned === "dropped") dropped++;
      else if (planned instanceof TargetError) errors.push(planned);
      else scrapes.add(planned.target, planned.scrapes);
      yield;
    }
    return { scrapes: scrapes.scrapes(), errors, dropped };
  };
}

/** What became of one target. */
type TargetPlan = { readonly target: Target; readonly scrapes: readonly Scrape[] } | TargetError | "dropped";

function createTargetPlan(options: PlanOptions): (target: Target) => TargetPlan {
  const typesOf = typeChoice(options.args);
  const rules = targetRules(options.args);
  return (given) => {
    try {
      const target = relabelTarget(given, rules);
      return target ? { target, scrapes: planTarget(target, typesOf(target), options) } : "dropped";
    } catch (thrown) {
      if (thrown instanceof TargetError) return thrown;
      throw thrown;
    }
  };
}

function relabelTarget(target: Target, rules: readonly Rule[]): Target | undefined {
  try {
    return relabel(target, rules);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    throw new TargetError(thrown.reason as TargetReason, thrown.message, { cause: thrown });
  }
}

function planTarget(target: Target, types: readonly ScrapeType[], options: PlanOptions): readonly Scrape[] {
  checkLabels(target);
  const process = processOf(target, types, options.args);
  return types.map((type) => planOne(process, type, options));
}

function checkLabels(target: Target): void {
  const address = shownAddress(labelValue(target, "__address__"));
  const sent = target.filter(({ name }) => !name.startsWith("__")).length;
  // A pod has two labels that are not sent for each of its annotations and labels.
  const [count, most] =
    sent > limits.targetLabels ? [sent, limits.targetLabels] : [target.length, limits.relabelledLabels];
  if (count > most)
    throw new TargetError("too_many_labels", `Cannot scrape "${address}": ${count} labels are more than ${most}`);
  for (const { name, value } of target) {
    if (!value.isWellFormed())
      throw new TargetError(
        "bad_label",
        `Cannot scrape "${address}": the value of label "${preview(name)}" is not valid Unicode`,
      );
  }
}

/** What all types of a target have in common. */
interface Process {
  readonly target: Target;
  readonly origin: Origin;
  readonly owner: string;
  readonly params: Query;
}

function processOf(target: Target, types: readonly ScrapeType[], args: ScrapeArguments): Process {
  const origin = originAt(target, args);
  const shared = sharedPlace(target, types);
  const owner = shared === "" ? origin.address : originAt(target, args, { address: shared, scheme: "" }).address;
  return { target, origin, owner, params: userParams(target, args) };
}

/** Where a target is, or one type of it that has its own place. */
function originAt(target: Target, args: ScrapeArguments, own = { address: "", scheme: "" }): Origin {
  const schemes = { own: own.scheme || labelValue(target, "__scheme__"), usual: args.scheme };
  return originOf(own.address || labelValue(target, "__address__"), schemes);
}

function planOne({ target, origin: shared, owner, params }: Process, type: ScrapeType, options: PlanOptions): Scrape {
  const { args } = options;
  const own = ownPlace(target, type);
  const origin = own.address || own.scheme ? originAt(target, args, own) : shared;
  const { address } = origin;
  const path = own.path || labelValue(target, "__profile_path__") || type.path;
  const pathPrefix = labelValue(target, "__profile_path_prefix__") || args.profiling_config.path_prefix;
  const userSeconds = (params.get("seconds") ?? splitPath(path).query.get("seconds"))?.[0];
  const ownSeconds = type.delta && userSeconds === undefined;
  const carriesSeconds = ownSeconds || userSeconds !== undefined;
  const seconds = ownSeconds ? profilingSeconds(args) : numberOrNothing(userSeconds);
  const url = (value: number | undefined): string =>
    buildUrl({
      origin,
      pathPrefix,
      path,
      params: value === undefined ? params : new Map(params).set("seconds", [String(value)]),
    });
  const plannedUrl = url(ownSeconds ? seconds : undefined);
  const series = seriesOf(target, { type, address, options });
  return {
    identity: `${type.name}\n${plannedUrl}\n${labelsKey(series.labels)}`,
    address,
    process: processAt(plannedUrl, origin),
    owner,
    profileType: type,
    type: type.name,
    ownSeconds,
    exclusive: splitPath(path).path.endsWith("/profile"),
    url: plannedUrl,
    urlWithSeconds: url,
    intervalMs: args.scrape_interval.ms,
    timeoutMs: effectiveTimeoutMs(args, seconds),
    ...(seconds === undefined ? {} : { seconds }),
    delta: whoComputesDelta(type, { path: splitPath(path).path, carriesSeconds }),
    mayBeNegative: carriesSeconds && !type.timed,
    ...series,
  };
}

/**
 * A type that is not timed by nature answers a request with `seconds`, whoever put it there, with the difference of two states:
 * the agent must not subtract from that again. Nor where the path says that the target subtracts (`delta_heap`).
 */
function whoComputesDelta(
  type: ScrapeType,
  { path, carriesSeconds }: { path: string; carriesSeconds: boolean },
): PlannedScrape["delta"] {
  if (type.timed) return "none";
  const lastSegment = path.split("/").at(-1) ?? "";
  if (carriesSeconds || lastSegment.startsWith("delta_")) return "target";
  return type.cumulative.length > 0 ? "agent" : type.markDelta ? "target" : "none";
}

/** `params` with the target's `__param_X` in place of the first value of X: what belongs to one target wins. */
function userParams(target: Target, args: ScrapeArguments): Query {
  const params = new Map(Object.entries(args.params));
  for (const { name, value } of target) {
    if (!name.startsWith("__param_")) continue;
    const key = name.slice("__param_".length);
    params.set(key, [value, ...(params.get(key)?.slice(1) ?? [])]);
  }
  return params;
}

/** What `seconds` says where the agent chooses it (DESIGN, Decisions). */
function profilingSeconds(args: ScrapeArguments): number {
  if (args.delta_profiling_duration) return Math.floor(args.delta_profiling_duration.seconds);
  return Math.max(1, Math.floor(args.scrape_interval.seconds) - 1);
}

function numberOrNothing(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) || value <= 0 ? undefined : value;
}

/** What a request is given beyond the time it asks the target to profile, and by default beyond the interval. */
export const timeoutMarginMs = 3000;

/** The deadline of one request: never less than the time it asks the target to profile, plus a margin. */
export function effectiveTimeoutMs(args: ScrapeArguments, seconds: number | undefined): number {
  const configuredMs = args.scrape_timeout?.ms ?? args.scrape_interval.ms + timeoutMarginMs;
  return seconds === undefined ? configuredMs : Math.max(configuredMs, seconds * 1000 + timeoutMarginMs);
}

/** The labels that are handed on, `__name__` first among them (reference 1.6). */
function seriesOf(
  target: Target,
  { type, address, options }: { type: ScrapeType; address: string; options: PlanOptions },
): { job: string; labels: Labels } {
  const own = labelsMap(target);
  const job = options.args.job_name || own.get("job") || options.id;
  const series = new Map<string, string>();
  for (const [name, value] of own)
    if (!name.startsWith("__") || name === "__delta__") series.set(legalLabelName(name), value);
  series.set("__name__", own.get("__name__") || type.seriesName);
  series.set("job", job);
  if (!own.get("instance")) series.set("instance", address);
  if (!own.get("service_name") && options.infersServiceName) series.set("service_name", inferServiceName(target));
  if (type.markDelta) series.set("__delta__", "false");
  const labels = labelsFrom(series);
  checkLengths(labels, address);
  return { job, labels };
}

/** Of what is sent alone: labels that are not, such as a pod's annotations, may be of any length. */
function checkLengths(series: Labels, address: string): void {
  for (const { name, value } of series)
    if (value.length > limits.labelValueLength)
      throw new TargetError(
        "label_too_long",
        `Cannot scrape "${preview(address)}": label "${preview(name)}" has ${value.length} characters, more than ${limits.labelValueLength}`,
      );
}
