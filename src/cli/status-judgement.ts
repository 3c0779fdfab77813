import { formatDuration, formatSpan, preview, splitHint } from "../base/index.ts";
import { shellQuoted } from "./shell-quoted.ts";
import type {
  ClusterDocument,
  CountedComponent,
  EndpointDocument,
  StatusDocument,
  TargetFailure,
} from "./status-document.ts";

/** Something that is not as it should be, and what to do about it. */
export interface Problem {
  readonly kind: "agent" | "storage" | "component" | "cluster" | "endpoint" | "target";
  /** The target, endpoint or component. */
  readonly about: string;
  /** Of a target, the same without its profile types. */
  readonly target?: string;
  readonly problem: string;
  readonly next: string;
}

/** For how long a dropped profile counts as trouble: an agent that dropped one last week is well. */
export const dropCountsMs = 3_600_000;

const refusedAdvice = "correct its arguments and reload; until then it goes on with those it had";
const endedAdvice =
  "it does not run: a reload or a restart starts it anew. This is an error inside the agent, please report it with what the log says";

/** Everything that is not well, the most likely cause of the rest first. `file` is the configuration, where it is known. */
export function problemsOf(status: StatusDocument, file: string | undefined): readonly Problem[] {
  return [
    ...agentProblems(status),
    ...storageProblems(status),
    ...status.unhealthy.map(({ component, message, running }) => ({
      kind: "component" as const,
      about: component,
      problem: message,
      next: running ? refusedAdvice : endedAdvice,
    })),
    ...status.discovery_failures.map(({ component, error }) => {
      const { what, hint } = splitHint(error);
      return {
        kind: "component" as const,
        about: component,
        problem: what,
        next: hint ?? `correct what the message names, or the arguments of ${component}`,
      };
    }),
    ...status.damaged_on_disk.filter(({ last }) => isRecent(last, status)).map(damageProblem),
    ...clusterProblems(status.cluster),
    ...status.targets.by_component.flatMap(skippedProblems),
    ...status.endpoints.flatMap((endpoint) => endpointProblems(endpoint, { status, file })),
    ...status.targets.failures.map((failure) => targetProblem(failure, file)),
  ];
}

/** Whether it was so lately that it still matters. */
function isRecent(last: string, { time }: StatusDocument): boolean {
  return Date.parse(last) >= Date.parse(time) - dropCountsMs;
}

function damageProblem({ component, profiles }: StatusDocument["damaged_on_disk"][number]): Problem {
  return {
    kind: "component",
    about: component,
    problem: `${profiles} profiles that waited on disk are lost: their files are damaged`,
    next: `check the disk or SD card; what was damaged is in damaged/ below spool/${component} in storage.path, and may be deleted`,
  };
}

/** States in which it is not the engine that wants something done. */
const stateAdvice: Readonly<Record<string, string>> = {
  name_taken: "give each agent its own node_name in [cluster], and restart it",
  away: "ask again in a few seconds",
};

function clusterProblems(cluster: ClusterDocument | undefined): readonly Problem[] {
  if (!cluster) return [];
  const { state, problem, engine } = cluster;
  const about = { kind: "cluster", about: "cluster" } as const;
  const ofState = stateAdvice[state];
  const problems: Problem[] = [];
  if (problem !== undefined && (ofState !== undefined || engine.last_error === undefined))
    problems.push({ ...about, problem, next: ofState ?? `see that ${engine.name} runs and answers in time` });
  if (engine.last_error !== undefined) {
    const { what, hint = "" } = splitHint(engine.last_error);
    // "Check that the process runs" is said of every server, and does not say which.
    const isOfThisOne = hint !== "" && !hint.startsWith("check that ");
    const usual = `see that ${engine.name} runs and is reached at what [cluster.${engine.name}] says`;
    const said = problem === undefined || ofState !== undefined ? what : `${problem}. ${what}`;
    problems.push({ ...about, problem: said, next: isOfThisOne ? hint : usual });
  }
  return problems;
}

/** A component that has targets and can make nothing of any of them. */
function skippedProblems({ component, total, skipped = 0, ...left }: CountedComponent): readonly Problem[] {
  if (skipped === 0 || total > 0) return [];
  const { what, hint } = splitHint(left.skipped_because ?? left.skipped_reason ?? "");
  const next = hint ?? "correct the labels that the targets are found with, or those that rules give them";
  return [
    {
      kind: "component",
      about: component,
      problem: `${skipped === 1 ? "Its target is" : `All ${skipped} of its targets are`} skipped: ${what}`,
      next,
    },
  ];
}

function agentProblems({ ready, stopping, config }: StatusDocument): readonly Problem[] {
  const about = { kind: "agent", about: "agent" } as const;
  const failure = config?.last_failure;
  return [
    ...(ready ? [] : [{ ...about, problem: `It is ${notReady(stopping)}`, next: nextWhen(stopping) }]),
    ...(failure
      ? [{ ...about, problem: `The last reload failed: ${failure.message}`, next: reloadAdvice(failure) }]
      : []),
  ];
}

/** A data directory that another agent has, or that cannot be written: found also where nothing waits for an endpoint. */
function storageProblems({ storage }: StatusDocument): readonly Problem[] {
  if (storage?.problem === undefined) return [];
  const { what, hint } = splitHint(storage.problem);
  const isLocked = storage.problem_reason === "locked";
  const next = isLocked ? "end the other agent, or give this one a storage.path of its own and restart it" : hint;
  return [
    { kind: "storage", about: "storage.path", problem: what, next: next ?? `look at the directory "${storage.path}"` },
  ];
}

/** `stopping`; of an agent that does not say, what it may be. */
export function notReady(stopping: boolean | undefined): string {
  return stopping === undefined ? "starting or stopping" : stopping ? "stopping" : "starting";
}

function nextWhen(stopping: boolean | undefined): string {
  return stopping ? "wait until it has stopped, 5 s at most, and start it again" : "ask again in a few seconds";
}

/** A file that cannot be read is not one to correct. */
function reloadAdvice({ message }: { readonly message: string }): string {
  return / cannot be read: /.test(message)
    ? "put the file back where the agent looks for it, readable for the agent's user, and reload"
    : "correct the file and reload";
}

function endpointProblems(
  endpoint: EndpointDocument,
  { status, file }: { readonly status: StatusDocument; readonly file: string | undefined },
): readonly Problem[] {
  const { component, state, last_error: error = "it does not answer", advice, spool_problem: spoolProblem } = endpoint;
  const about = { kind: "endpoint", about: endpointName(endpoint) } as const;
  const problems: Problem[] = [];
  if (state === "down") {
    const { what, hint } = splitHint(error);
    problems.push({ ...about, problem: what, next: advice ?? hint ?? explained(`--component ${component}`, file) });
  }
  const slow = pauseProblem(endpoint, status) ?? behindProblem(endpoint, status);
  if (slow) problems.push({ ...about, ...slow });
  // What is wrong with the whole directory is told once.
  if (spoolProblem !== undefined && spoolProblem !== status.storage?.problem) {
    const { what, hint } = splitHint(spoolProblem);
    problems.push({ ...about, problem: what, next: hint ?? "look at the directory of storage.path" });
  }
  if (isDropping(endpoint, Date.parse(status.time)))
    problems.push({
      ...about,
      problem: endpoint.refuses
        ? `It refuses every profile: ${splitHint(error).what}`
        : `Profiles were dropped in the last ${formatDuration(dropCountsMs)}: ${droppedReasons(endpoint)}`,
      next: endpoint.drop_advice ?? (state !== "down" ? advice : undefined) ?? "the agent's log says more of each drop",
    });
  return problems;
}

/** Trouble of an endpoint that is not down and takes nothing for longer than this is worth a word: its tenant is over a limit. */
const notablePauseMs = 30_000;

function pauseProblem(
  endpoint: EndpointDocument,
  { time }: StatusDocument,
): Pick<Problem, "problem" | "next"> | undefined {
  const { state, paused_since: since, paused_until: until, last_error: error = "", advice } = endpoint;
  if (state === "down" || since === undefined) return undefined;
  const lastsMs = Math.max(Date.parse(time), Date.parse(until ?? time)) - Date.parse(since);
  if (lastsMs <= notablePauseMs) return undefined;
  const { what, hint } = splitHint(error);
  const waits = "what comes in waits meanwhile; a reload (SIGHUP) lets it be tried at once";
  return { problem: `It takes nothing for a while: ${what}`, next: advice ?? hint ?? waits };
}

/** Who waits for longer, and is turned away again and again, is more than the endpoint takes. */
const notableWaitMs = 120_000;

/** An error so long before the last success is over. */
const oldErrorMs = 30_000;

/** Of an endpoint that takes some: what waits grows, or goes slowly. */
function behindProblem(
  endpoint: EndpointDocument,
  { time }: StatusDocument,
): Pick<Problem, "problem" | "next"> | undefined {
  const {
    state,
    oldest_queued: oldest = time,
    last_error: error,
    last_error_at: at,
    last_success: success = time,
  } = endpoint;
  if (state !== "up" || endpoint.refuses || error === undefined || at === undefined) return undefined;
  const waitedMs = Date.parse(time) - Date.parse(oldest);
  if (waitedMs < notableWaitMs || Date.parse(success) - Date.parse(at) > oldErrorMs) return undefined;
  const waiting = endpoint.queued_profiles + endpoint.spooled_profiles;
  const { what, hint } = splitHint(error);
  return {
    problem: `It takes less than there is: ${waiting} profiles wait, the oldest for ${formatSpan(waitedMs)}: ${what}`,
    next:
      endpoint.advice ??
      hint ??
      "find out why it turns profiles away, or scrape less often; what waits too long is dropped",
  };
}

/** Whether a profile was dropped so lately that it still matters. */
function isDropping({ dropped_profiles: dropped, last_dropped: last }: EndpointDocument, nowMs: number): boolean {
  return dropped > 0 && (last === undefined || Date.parse(last) >= nowMs - dropCountsMs);
}

/** `3 too_old, 1 invalid` */
export function droppedReasons({
  dropped_profiles: dropped,
  dropped_by_reason: byReason,
}: Pick<EndpointDocument, "dropped_profiles" | "dropped_by_reason">): string {
  const reasons = Object.entries(byReason ?? {}).sort(([, a], [, b]) => b - a);
  return reasons.length > 0 ? reasons.map(([reason, count]) => `${count} ${reason}`).join(", ") : String(dropped);
}

function targetProblem(failure: TargetFailure, file: string | undefined): Problem {
  const { what, hint } = splitHint(failure.error);
  const { component, url } = failure;
  // What a shell would take apart is no command to copy.
  const isPlain = /^[\w:/.%=?-]+$/.test(url);
  const settings = file === undefined ? "" : `--component ${component} `;
  const next = hint ?? explained(isPlain ? `${settings}"${url}"` : `--component ${component}`, file);
  return { kind: "target", about: targetName(failure), target: processName(failure), problem: what, next };
}

function explained(subject: string, file: string | undefined): string {
  const config =
    file === undefined ? (subject.startsWith("--component") ? "--config FILE " : "") : `--config ${shellQuoted(file)} `;
  return `\`agent test ${config}${subject}\` explains every step of a request`;
}

/** `10.0.0.1:6060 (checkout), block, mutex` */
export function targetName(failure: TargetFailure): string {
  const { types, all_types: all } = failure;
  return `${processName(failure)}, ${all ? "all types" : preview(types.join(", "), 100)}`;
}

function processName({ address, service_name: service }: TargetFailure): string {
  return service === "" || service === address ? address : `${address} (${service})`;
}

export function endpointName({ name, url, component }: EndpointDocument): string {
  const named = name === url || name === "" ? "" : `${name} `;
  return `${named}${url} (${component})`;
}
