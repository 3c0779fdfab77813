import { aborted, errorMessage } from "../../base/index.ts";
import type { Component, ComponentContext, ComponentKind, DebugInfo } from "../../component/index.ts";
import type { Profile } from "../../model/index.ts";
import { plainHttpWarning } from "../../http/index.ts";
import { sameArguments } from "../../schema/index.ts";
import { type WriteArguments, writeArguments } from "./arguments.ts";
import { Endpoint } from "./endpoint.ts";
import { createPusher, type EndpointArguments, type Pusher } from "./pusher.ts";
import { seriesLabels } from "./series-labels.ts";

/** The kind `pyroscope.write` (seed 002). */
export const writeKind: ComponentKind<WriteArguments> = {
  name: "pyroscope.write",
  summary: "Pushes the profiles it receives to one or more Pyroscope servers.",
  schema: writeArguments,
  exports: "receiver",
  warnings: (id, args) => writeWarnings(id, args),
  outgoingLabels: (args, labels) => seriesLabels(labels, args.external_labels),
  create: (args, context) => new WriteComponent(args, context),
};

// Servers refuse what is older (reference 5.3), so that a longer wait only delays the loss.
const serverWindowMs = 3_600_000;

function writeWarnings(id: string, args: WriteArguments): readonly string[] {
  if (args.endpoint.length === 0) return [`${id} has no endpoint: the profiles it receives go nowhere`];
  return args.endpoint.flatMap((endpoint) => endpointWarnings(endpoint).map((warning) => `${id}: ${warning}`));
}

function endpointWarnings(endpoint: EndpointArguments): readonly string[] {
  const { queue, name, url, headers } = endpoint;
  const warnings: string[] = [];
  if (queue.max_age.ms > serverWindowMs)
    warnings.push(
      `queue.max_age of endpoint "${name ?? url}" is ${queue.max_age}, but servers refuse profiles older than 1h by default`,
    );
  const exposed = plainHttpWarning({ args: endpoint, headers, urls: [url] });
  if (exposed !== undefined) warnings.push(`endpoint "${name ?? url}" ${exposed}`);
  return warnings;
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
  #args: WriteArguments;
  /** By key: a queue belongs to its endpoint's name, else to URL and tenant. */
  #endpoints = new Map<string, RunningEndpoint>();
  /** Every endpoint that has not ended, those that left the configuration included. */
  readonly #runs = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(args: WriteArguments, context: ComponentContext) {
    this.#args = args;
    this.#context = context;
    this.applyConfig(args);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const running of this.#endpoints.values()) this.#start(running, signal);
    await aborted(signal);
    while (this.#runs.size > 0) await Promise.all(this.#runs);
  }

  applyConfig(args: WriteArguments): void {
    // All pushers before any change: one that cannot be made leaves everything as it is.
    const pushers = new Map(args.endpoint.map((endpoint) => [endpointKey(endpoint), this.#pusherFor(endpoint)]));
    for (const [key, { controller }] of this.#endpoints) if (!pushers.has(key)) controller.abort();
    this.#endpoints = new Map([...pushers].map(([key, pusher]) => [key, this.#endpointOf(key, pusher)]));
    this.#args = args;
  }

  snapshot(): DebugInfo {
    return { endpoints: [...this.#endpoints.values()].map(({ endpoint }) => endpoint.snapshot()) };
  }

  async #append(profile: Profile): Promise<void> {
    const endpoints = [...this.#endpoints.values()].map(({ endpoint }) => endpoint);
    const outgoing = this.#outgoing(profile, endpoints);
    const refusals: unknown[] = [];
    for (const endpoint of endpoints) {
      try {
        endpoint.append(outgoing);
      } catch (refusal) {
        refusals.push(refusal);
      }
    }
    if (refusals.length > 0 && refusals.length === endpoints.length) throw refusals[0];
  }

  /** The profile as every endpoint sends it. */
  #outgoing(profile: Profile, endpoints: readonly Endpoint[]): Profile {
    try {
      return { ...profile, labels: seriesLabels(profile.labels, this.#args.external_labels) };
    } catch (error) {
      for (const endpoint of endpoints) endpoint.refuse(profile, "invalid_labels", errorMessage(error));
      throw error;
    }
  }

  #endpointOf(key: string, pusher: Pusher): RunningEndpoint {
    const known = this.#endpoints.get(key);
    if (known) {
      if (known.pusher !== pusher) known.endpoint.applyPusher(pusher);
      return { ...known, pusher };
    }
    const running = { endpoint: new Endpoint(pusher, this.#context), pusher, controller: new AbortController() };
    if (this.#signal) this.#start(running, this.#signal);
    return running;
  }

  #start({ endpoint, controller }: RunningEndpoint, signal: AbortSignal): void {
    const lostAs = () => (signal.aborted ? "shutdown" : "endpoint_removed");
    const run = endpoint
      .run(AbortSignal.any([signal, controller.signal]), lostAs)
      .finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  /** The pusher it has where its arguments did not change: then its connections and pauses are not disturbed. */
  #pusherFor(args: EndpointArguments): Pusher {
    const known = this.#endpoints.get(endpointKey(args))?.pusher;
    return known && sameArguments(known.args, args) ? known : createPusher(args, this.#context);
  }
}

function endpointKey({ name, url, headers }: EndpointArguments): string {
  if (name !== undefined) return name;
  const tenant = Object.entries(headers).find(([header]) => header.toLowerCase() === "x-scope-orgid")?.[1];
  return JSON.stringify([url, tenant]);
}
