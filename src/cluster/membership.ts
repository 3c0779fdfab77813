import { AgentError, aborted, type Clock, compareText, errorMessage, limits, sleep } from "../base/index.ts";
import type { ClusterMember, ClusterState, ClusterStatus, Ownership } from "../model/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import { ClusterError, type Engine, type Standing } from "./engine.ts";
import { type ClusterMetrics, createClusterMetrics } from "./metrics.ts";
import { createOwnerOf } from "./owner.ts";
import { type Facts, problemOf, stateOf, wasAway } from "./state.ts";
import { View } from "./view.ts";
import { tooLate, withinShareOfTtl } from "./within-ttl.ts";

export interface MembershipOptions {
  readonly nodeName: string;
  readonly ttlMs: number;
  readonly onEngineLoss: "keep" | "stop";
  readonly engineName: Engine["name"];
  /** Makes the engine; tried again where it rejects. */
  readonly openEngine: (self: ClusterMember) => Promise<Engine>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What the engine is asked for, as it would refuse it. */
const questions = { look: "to say who is a member", renewal: "to make this agent a member" } as const;

/** An answer to who is a member, which holds from when it was asked for. */
interface Look {
  readonly members: readonly ClusterMember[];
  readonly askedMs: number;
}

/** Asking is spread, so that agents that were started together do not ask together. */
const jitter = 0.1;

/** Keeps this agent a member, looks who else is, and says whose a target is. */
export class Membership implements Ownership {
  readonly #options: MembershipOptions;
  readonly #metrics: ClusterMetrics;
  readonly #view: View;
  readonly #listeners = new Set<() => void>();
  readonly #startedMs: number;
  readonly #instance = crypto.randomUUID();
  #engine: Engine | undefined;
  readonly #opened = Promise.withResolvers<Engine>();
  #renewedMs: number | undefined;
  #renewedAtMs: number | undefined;
  #answeredMs: number | undefined;
  #answeredAtMs: number | undefined;
  /** What of the engine is waited for, or was waited for last. */
  #question: string | undefined;
  #error: { readonly message: string; readonly atMs: number; readonly refused: string | undefined } | undefined;
  #failing = false;
  #backSinceMs: number | undefined;
  /** When time is looked at next: whoever looks much later finds that the agent did not run. */
  #timeDueMs = Number.POSITIVE_INFINITY;
  #heldBy: ClusterMember | undefined;
  #heldSinceMs: number | undefined;
  #left = false;
  /** Since the last look began. */
  #mayHaveChanged = false;
  #endPause: () => void = () => {};
  #state: ClusterState = "joining";
  /** Tells one set of owners from another. */
  #sharers = "";
  #owns: (address: string) => boolean = () => false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#metrics = createClusterMetrics(options.metrics);
    this.#view = new View(options.ttlMs);
    this.#startedMs = options.clock.uptime();
  }

  owns(address: string): boolean {
    // The timer that tells of time away is late itself.
    return !this.#wasAway() && this.#owns(address);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Is a member until `signal` aborts; resolves when it has left. `url` is that of the debug page. Never rejects. */
  async run(signal: AbortSignal, { url }: { readonly url: string }): Promise<void> {
    const { nodeName, clock } = this.#options;
    const self = { name: nodeName, instance: this.#instance, url, startedMs: clock.now() };
    const hide = this.#metrics.show(() => this.snapshot());
    await Promise.all([this.#keepMember(self, signal), this.#listen(signal), this.#watchTime(signal)]);
    await this.#leave();
    hide();
  }

  snapshot(): ClusterStatus {
    const { nodeName, engineName, ttlMs, onEngineLoss } = this.#options;
    const problem = this.#problem();
    return {
      nodeName,
      instance: this.#instance,
      state: this.#state,
      members: (this.#view.members ?? []).toSorted((a, b) => compareText(a.name, b.name)),
      engine: engineName,
      engineUp: this.#answeredMs !== undefined && !this.#failing,
      ttlMs,
      onEngineLoss,
      ...(problem !== undefined && { problem }),
      ...(this.#answeredAtMs !== undefined && { lastAnswerMs: this.#answeredAtMs }),
      ...(this.#renewedAtMs !== undefined && { lastRenewalMs: this.#renewedAtMs }),
      ...(this.#error && { lastError: this.#error.message, lastErrorMs: this.#error.atMs }),
    };
  }

  async #keepMember(self: ClusterMember, signal: AbortSignal): Promise<void> {
    const { openEngine, ttlMs } = this.#options;
    while (!signal.aborted) {
      this.#mayHaveChanged = false;
      try {
        this.#engine ??= await openEngine(self);
        this.#opened.resolve(this.#engine);
        await this.#beat(this.#engine, signal);
      } catch (thrown) {
        if (!signal.aborted) this.#failed(thrown);
      }
      await this.#pause((this.#engine?.lookEveryMs ?? ttlMs / 3) * (1 - jitter * Math.random()), signal);
    }
  }

  /** Until it is time to look again, or somebody may have come or gone. */
  async #pause(forMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const pause = new AbortController();
    this.#endPause = () => pause.abort();
    if (!this.#mayHaveChanged)
      await sleep(clock, forMs, AbortSignal.any([signal, pause.signal])).catch(() => undefined);
    if (this.#mayHaveChanged) await sleep(clock, limits.clusterChangeMs, signal).catch(() => undefined);
  }

  #noteHint(): void {
    this.#mayHaveChanged = true;
    this.#endPause();
  }

  /** Listens to the engine where it can be listened to. What fails is not told: looks fail as well, and tell it. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const engine = await Promise.race([this.#opened.promise, aborted(signal)]);
    if (!engine) return;
    while (!signal.aborted) {
      await engine.watch?.(() => this.#noteHint(), signal).catch(() => undefined);
      await sleep(clock, engine.lookEveryMs, signal).catch(() => undefined);
    }
  }

  /** Looks who is a member, and renews where it is time to. */
  async #beat(engine: Engine, signal: AbortSignal): Promise<void> {
    // Who cannot look does not renew either: others would count on an agent that learns nothing of what changes.
    const look = await this.#look(engine, signal);
    const isMember = this.#state === "member" && this.#isAmong(look);
    // It holds from now on, however long a renewal takes.
    if (isMember) this.#accept(look);
    if (isMember && !this.#isRenewalDue(engine)) return;
    const standing = await this.#renew(engine, signal);
    if (standing === "member" && !this.#isAmong(look)) this.#accept(await this.#look(engine, signal));
    else if (!isMember) this.#accept(look);
  }

  #accept(look: Look): void {
    const { clock, ttlMs } = this.#options;
    // A process that did not run reads late.
    if (clock.uptime() - look.askedMs >= ttlMs) throw tooLate(ttlMs);
    this.#answered(look);
  }

  async #look(engine: Engine, signal: AbortSignal): Promise<Look> {
    const askedMs = this.#options.clock.uptime();
    return { askedMs, members: await this.#ask("look", (ends) => engine.members(ends), signal) };
  }

  async #renew(engine: Engine, signal: AbortSignal): Promise<Standing> {
    const { clock } = this.#options;
    const askedMs = clock.uptime();
    const standing = await this.#ask("renewal", (ends) => engine.renew(ends), signal);
    if (standing === "member") {
      this.#renewedMs = askedMs;
      this.#renewedAtMs = clock.now();
    }
    this.#noteHolder(standing === "member" ? undefined : standing.heldBy);
    return standing;
  }

  #ask<T>(what: keyof typeof questions, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#question = questions[what];
    return withinShareOfTtl(ask, { ...this.#options, signal });
  }

  #isRenewalDue(engine: Engine): boolean {
    const { clock, ttlMs } = this.#options;
    // At the look that is nearest to a third of the ttl.
    return this.#renewedMs === undefined || clock.uptime() - this.#renewedMs >= ttlMs / 3 - engine.lookEveryMs / 2;
  }

  /** Whether this agent is among the members, and not another one under its name. */
  #isAmong({ members }: Look): boolean {
    return members.some(({ name, instance }) => name === this.#options.nodeName && instance === this.#instance);
  }

  #answered({ members, askedMs }: Look): void {
    const { clock, log } = this.#options;
    const nowMs = clock.uptime();
    // While this agent was away the others were not, and the view they agree on is whole.
    const isOutage = this.#failing && stateOf(this.#facts()) !== "away";
    this.#view.answered(members, { nowMs, outageMs: isOutage ? nowMs - (this.#answeredMs ?? nowMs) : 0 });
    if (this.#failing) log.info("The engine of the cluster answers again");
    this.#answeredMs = askedMs;
    this.#answeredAtMs = clock.now();
    this.#failing = false;
    this.#error = undefined;
    this.#backSinceMs = undefined;
    this.#update();
  }

  #failed(thrown: unknown): void {
    const { clock, log } = this.#options;
    const message = errorMessage(thrown);
    this.#metrics.engineFailed(thrown instanceof AgentError ? thrown.reason : "internal");
    if (this.#error?.message !== message)
      log.warn("The engine of the cluster did not answer as it should", { err: thrown });
    const isRefusal = thrown instanceof ClusterError && thrown.reason === "status";
    const refused = isRefusal ? (this.#question ?? "what this agent asks") : undefined;
    this.#error = { message, atMs: clock.now(), refused };
    this.#failing = true;
    this.#update();
  }

  #noteHolder(heldBy: ClusterMember | undefined): void {
    this.#heldBy = heldBy;
    this.#heldSinceMs = heldBy && (this.#heldSinceMs ?? this.#options.clock.uptime());
    this.#update();
  }

  /** Notices that time has passed: that this agent did not run, or that its membership has ended. */
  async #watchTime(signal: AbortSignal): Promise<void> {
    const { clock, ttlMs } = this.#options;
    while (!signal.aborted) {
      this.#timeDueMs = clock.uptime() + ttlMs / 10;
      await sleep(clock, ttlMs / 10, signal).catch(() => undefined);
      if (this.#wasAway()) this.#backSinceMs = clock.uptime();
      if (!signal.aborted) this.#update();
    }
  }

  /** Whether it was kept from running for so long that others may have taken over, with nobody told yet. */
  #wasAway(): boolean {
    const { clock, ttlMs } = this.#options;
    const nowMs = clock.uptime();
    return wasAway(nowMs - this.#timeDueMs, { nowMs, renewedMs: this.#renewedMs, ttlMs });
  }

  async #leave(): Promise<void> {
    const { clock, log } = this.#options;
    // Nobody is told: the components end now anyway, and the others are to know first.
    this.#left = true;
    this.#state = "left";
    const engine = this.#engine;
    if (!engine) return;
    const giveUp = new AbortController();
    const timer = clock.after(limits.clusterLeaveMs, () => giveUp.abort());
    try {
      await engine.leave(giveUp.signal);
    } catch (err) {
      log.warn("Could not leave the cluster: the others take over when the ttl has passed", { err });
    } finally {
      timer.cancel();
      engine.close();
    }
  }

  #facts(): Facts {
    const { clock, ttlMs, onEngineLoss } = this.#options;
    return {
      nowMs: clock.uptime(),
      startedMs: this.#startedMs,
      ttlMs,
      onEngineLoss,
      answeredMs: this.#answeredMs,
      renewedMs: this.#renewedMs,
      failing: this.#failing,
      backSinceMs: this.#backSinceMs,
      heldSinceMs: this.#heldSinceMs,
      left: this.#left,
    };
  }

  /** Draws the conclusions of what has changed, and tells who wants to know. */
  #update(): void {
    const state = stateOf(this.#facts());
    if (state !== this.#state) this.#enter(state);
    const names = this.#sharingNames();
    const sharers = names?.join("\n") ?? (state === "alone" ? "*" : "");
    if (sharers === this.#sharers) return;
    this.#sharers = sharers;
    const { nodeName, log } = this.#options;
    const ownerOf = names && createOwnerOf(names);
    this.#owns = ownerOf ? (address) => ownerOf(address) === nodeName : () => state === "alone";
    this.#metrics.ownershipChanged();
    log.info("Targets are shared anew", { state, members: names?.join(" ") });
    for (const listener of this.#listeners) listener();
  }

  /** Those among whom targets are shared; undefined where nothing is, because this agent owns nothing or everything. */
  #sharingNames(): readonly string[] | undefined {
    if (this.#state !== "member" && this.#state !== "kept") return undefined;
    return (this.#view.members ?? []).map(({ name }) => name).sort();
  }

  #enter(state: ClusterState): void {
    this.#state = state;
    const { log } = this.#options;
    const problem = this.#problem();
    if (problem === undefined) return;
    if (state === "name_taken") log.error(problem);
    else log.warn(problem);
  }

  #problem(): string | undefined {
    return problemOf(this.#state, { heldBy: this.#heldBy, refused: this.#error?.refused });
  }
}
