import { aborted, errorMessage, formatSpan } from "../../base/index.ts";
import type { Component, ComponentContext, ComponentKind, DebugInfo } from "../../component/index.ts";
import type { LeftEndpointStatus, Profile } from "../../model/index.ts";
import { httpWarnings } from "../../http/index.ts";
import type { Counter } from "../../observability/index.ts";
import { prepareRules } from "../../relabel/index.ts";
import { sameArguments } from "../../schema/index.ts";
import type { LostRecord, SpoolLogOptions } from "../../storage/index.ts";
import { type WriteArguments, writeArguments } from "./arguments.ts";
import { Endpoint } from "./endpoint.ts";
import { endpointKey, keysWithoutName, keysWithoutTenant, ownerName } from "./endpoint-key.ts";
import { explainOutgoing } from "./explain-outgoing.ts";
import { LeftEndpoints } from "./left-endpoints.ts";
import { showLeft } from "./left-metrics.ts";
import { writeLimits } from "./limits.ts";
import { createSpoolMetrics } from "./metrics.ts";
import { outgoingOf } from "./outgoing.ts";
import { queueWarnings } from "./queue-warnings.ts";
import { ruleWarnings } from "./rule-warnings.ts";
import { createPusher, type EndpointArguments, type Pusher } from "./pusher.ts";
import { Spooler } from "./spooler.ts";

/** The kind `pyroscope.write` (seed 002). */
export const writeKind: ComponentKind<WriteArguments> = {
  name: "pyroscope.write",
  summary: "Pushes the profiles it receives to one or more Pyroscope servers.",
  schema: writeArguments,
  exports: "receiver",
  warnings: (id, args) => writeWarnings(id, args),
  prepare: prepareRules,
  outgoingLabels: (args, labels) => outgoingOf(args).labels(labels),
  explainOutgoing: (args, labels) => explainOutgoing(labels, args),
  create: (args, context) => new WriteComponent(args, context),
};

async function writeWarnings(id: string, args: WriteArguments): Promise<readonly string[]> {
  if (args.endpoint.length === 0) return [`${id} has no endpoint: the profiles it receives go nowhere`];
  const warnings = await Promise.all(args.endpoint.map(endpointWarnings));
  return [...warnings.flat().map((warning) => `${id}: ${warning}`), ...ruleWarnings(id, args.rule)];
}

async function endpointWarnings(endpoint: EndpointArguments): Promise<readonly string[]> {
  const { queue, name, url, headers } = endpoint;
  const shown = `endpoint "${name ?? url}"`;
  const ofClient = await httpWarnings({ args: endpoint, headers, urls: [url] });
  return [...queueWarnings(queue).map((why) => `${shown}: ${why}`), ...ofClient.map((why) => `${shown}: ${why}`)];
}

interface RunningEndpoint {
  readonly endpoint: Endpoint;
  /** Through which it pushes. */
  readonly pusher: Pusher;
  readonly controller: AbortController;
}

class WriteComponent implements Component<WriteArguments> {
  readonly exports = { receiver: { append: (profile: Profile) => this.#append(profile) } };
  readonly #context: ComponentContext;
  readonly #spooler: Spooler;
  readonly #left: LeftEndpoints;
  readonly #relabelDropped: Counter;
  #args: WriteArguments;
  /** By key: a queue belongs to its endpoint's name, else to URL and tenant. */
  #endpoints = new Map<string, RunningEndpoint>();
  /** Every endpoint that has not ended, those that left the configuration included: the last one of each key. */
  readonly #runs = new Map<string, { readonly endpoint: Endpoint; readonly ended: Promise<void> }>();
  #signal: AbortSignal | undefined;

  constructor(args: WriteArguments, context: ComponentContext) {
    const { id, clock, log, metrics, storage } = context;
    this.#args = args;
    this.#context = context;
    this.#relabelDropped = metrics.counter(
      "pyroscope_write_relabel_dropped_profiles_total",
      "Profiles that a relabel rule dropped.",
      ["component_id"],
    );
    this.#spooler = new Spooler({
      clock,
      log,
      metrics: createSpoolMetrics(metrics, { component_id: id }),
      spoolLog: () => storage.spoolLog(id, this.#spoolOptions),
      needed: () => this.#args.endpoint.some(({ queue }) => queue.durability !== "memory"),
    });
    const present = () => new Set([...this.#endpoints.keys(), ...this.#runs.keys()]);
    this.#left = new LeftEndpoints({ id, clock, log, metrics, spoolLog: () => this.#spooler.log, present });
    this.applyConfig(args);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const [key, running] of this.#endpoints) this.#start(key, running);
    void this.#openSpool(signal);
    const { id, metrics } = this.#context;
    const hideLeft = showLeft(metrics, { id, read: () => this.#leftUnderOtherNames() });
    await aborted(signal);
    hideLeft();
    while (this.#runs.size > 0) await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
    await this.#spooler.close();
  }

  applyConfig(args: WriteArguments): void {
    // All pushers before any change: one that cannot be made leaves everything as it is.
    const pushers = new Map(args.endpoint.map((endpoint) => [endpointKey(endpoint), this.#pusherFor(endpoint)]));
    for (const [key, { controller }] of this.#endpoints) if (!pushers.has(key)) controller.abort();
    const before = this.#endpoints;
    this.#endpoints = new Map([...pushers].map(([key, pusher]) => [key, this.#endpointOf(key, pusher)]));
    this.#args = args;
    this.#spooler.applyOptions(this.#spoolOptions);
    // Who was there beside another one has had everything itself.
    this.#inherit(
      [...pushers].filter(([key]) => !before.has(key)).map(([key, { args: own }]) => [key, keysWithoutTenant(own)]),
    );
  }

  tryNow(): void {
    for (const { endpoint } of this.#endpoints.values()) endpoint.tryNow();
  }

  snapshot(): DebugInfo {
    const leftEndpoints = this.#left.snapshot();
    const newerSpoolBytes = this.#spooler.log?.snapshot().newerBytes;
    const damagedOnDisk = this.#left.damaged;
    return {
      endpoints: [...this.#endpoints.values()].map(({ endpoint }) => endpoint.snapshot()),
      ...(leftEndpoints.length > 0 && { leftEndpoints }),
      ...(newerSpoolBytes !== undefined && { newerSpoolBytes }),
      ...(damagedOnDisk && { damagedOnDisk }),
    };
  }

  async #append(profile: Profile): Promise<void> {
    const endpoints = [...this.#endpoints.values()].map(({ endpoint }) => endpoint);
    const outgoing = this.#outgoing(profile, endpoints);
    if (!outgoing) return this.#relabelDropped.inc({ component_id: this.#context.id });
    const results = await Promise.allSettled(endpoints.map((endpoint) => endpoint.append(outgoing)));
    const refusals = results.filter((result) => result.status === "rejected");
    if (refusals.length > 0 && refusals.length === endpoints.length) throw refusals[0]?.reason;
  }

  /** The profile as every endpoint sends it; `undefined` where a rule drops it. */
  #outgoing(profile: Profile, endpoints: readonly Endpoint[]): Profile | undefined {
    try {
      return outgoingOf(this.#args).profile(profile);
    } catch (error) {
      for (const endpoint of endpoints) endpoint.refuse(profile, "invalid_labels", errorMessage(error));
      throw error;
    }
  }

  /** What an earlier process left is read beside the first scrapes. */
  async #openSpool(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#spooler.open(), aborted(signal)]);
    if (signal.aborted) return;
    this.#inheritAtStart();
    this.#announce();
    this.#left.announce();
    this.#left.run(signal);
  }

  /** Says once what an earlier process left for the endpoints of the configuration. */
  #announce(): void {
    const waiting = [...this.#endpoints.values()].map(({ endpoint }) => endpoint.snapshot());
    const profiles = waiting.reduce((sum, { spooledProfiles }) => sum + spooledProfiles, 0);
    if (profiles === 0) return;
    const { clock, log } = this.#context;
    const oldestMs = Math.min(...waiting.map(({ oldestQueuedMs = Infinity }) => oldestQueuedMs));
    const oldest = Number.isFinite(oldestMs) && formatSpan(clock.now() - oldestMs);
    log.info("Profiles of an earlier run wait on disk", { profiles, ...(oldest && { oldest }) });
  }

  /** Those whose gauges are not those of an endpoint that is there: two tenants of one URL have one name. */
  #leftUnderOtherNames(): readonly LeftEndpointStatus[] {
    const names = new Set([...this.#endpoints.values()].map(({ pusher }) => pusher.name));
    return this.#left.snapshot().filter(({ endpoint }) => !names.has(endpoint));
  }

  /** What an earlier process left is that of who was given a name since. Of a tenant nobody can tell whether it was there beside. */
  #inheritAtStart(): void {
    this.#inherit([...this.#endpoints].map(([key, { pusher }]) => [key, keysWithoutName(pusher.args)]));
  }

  /** An endpoint that was given a name, or a tenant, is the one that was known without: what waits for that one is its own. */
  #inherit(heirs: readonly (readonly [key: string, former: readonly string[]])[]): void {
    const claims = Map.groupBy(
      heirs.flatMap(([, former]) => former),
      (key) => key,
    );
    for (const [key, former] of heirs)
      for (const before of former) {
        // Whose it would be of several, nobody knows.
        if (before === key || (claims.get(before)?.length ?? 0) > 1) continue;
        const takeOver = (): void => {
          if (this.#endpoints.has(key) && !this.#endpoints.has(before)) this.#takeOver(before, key);
        };
        const running = this.#runs.get(before);
        if (running) void running.ended.then(takeOver);
        else takeOver();
      }
  }

  #takeOver(from: string, to: string): void {
    const profiles = this.#spooler.bequeath(from, to);
    if (profiles > 0)
      this.#context.log.info(
        "What waited for an endpoint without a name or a tenant is sent by the one that has that URL now",
        {
          endpoint: ownerName(to),
          profiles,
        },
      );
  }

  get #spoolOptions(): SpoolLogOptions {
    const bytes = this.#args.endpoint.reduce((sum, { queue }) => sum + queue.max_disk.bytes, 0);
    return {
      maxBytes: bytes || writeLimits.leftBytes,
      onLost: (lost) => this.#lost(lost),
      onRecovered: () => this.#recovered(),
      onTidied: (problem) => this.#spooler.tidied(problem),
    };
  }

  #lost(lost: LostRecord): void {
    if (this.#spooler.lost(lost)) return;
    const endpoint = this.#endpoints.get(lost.owner)?.endpoint ?? this.#runs.get(lost.owner)?.endpoint;
    if (endpoint) endpoint.lost(lost);
    else this.#left.dropped(lost.owner, lost);
  }

  /** What an earlier process left has been read: at the start, or when its directory appeared. */
  #recovered(): void {
    this.#spooler.recovered();
    this.#inheritAtStart();
    this.#announce();
    this.#left.announce();
  }

  #endpointOf(key: string, pusher: Pusher): RunningEndpoint {
    const known = this.#endpoints.get(key);
    if (known) {
      if (known.pusher !== pusher) known.endpoint.applyPusher(pusher);
      return { ...known, pusher };
    }
    const endpoint = new Endpoint(pusher, { ...this.#context, key, spooler: this.#spooler });
    const running = { endpoint, pusher, controller: new AbortController() };
    if (this.#signal) this.#start(key, running);
    return running;
  }

  /** Runs an endpoint once the one before it of the same key has ended: the records on disk are of both. */
  #start(key: string, { endpoint, controller }: RunningEndpoint): void {
    const signal = this.#signal as AbortSignal;
    const before = this.#runs.get(key)?.ended;
    const lostAs = () => (signal.aborted ? "shutdown" : "endpoint_removed");
    const run = () => endpoint.run(AbortSignal.any([signal, controller.signal]), lostAs);
    const ended = (before ? before.then(run) : run()).finally(() => {
      if (this.#runs.get(key)?.ended === ended) this.#runs.delete(key);
    });
    this.#runs.set(key, { endpoint, ended });
  }

  /** The pusher it has where its arguments did not change: then its connections are not disturbed. */
  #pusherFor(args: EndpointArguments): Pusher {
    const known = this.#endpoints.get(endpointKey(args))?.pusher;
    return known && sameArguments(known.args, args) ? known : createPusher(args, this.#context);
  }
}
