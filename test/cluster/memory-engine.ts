import { aborted, AgentError, type Clock, sleep } from "../../src/base/index.ts";
import { ClusterError, type Engine, type Standing } from "../../src/cluster/engine.ts";
import type { ClusterMember } from "../../src/model/index.ts";

interface Record {
  readonly member: ClusterMember;
  untilMs: number;
}

/** The members of a cluster in memory, as an engine with leases keeps them. */
export class MemoryEngines {
  readonly #records = new Map<string, Record>();
  readonly #nowMs: () => number;
  readonly #ttlMs: number;
  readonly #listeners = new Set<() => void>();
  /** Whether engines that are opened from now on can be listened to. */
  tells = false;
  /** What a call waits for or rejects with: for all agents, or by name. Who is `blind` may renew and not look. */
  readonly failures = new Map<string, "unreachable" | "silent" | "blind">();
  /** How often engines that are opened from now on may be asked. */
  looksPerTtl = 10;
  /** How long every answer takes, once it is decided. */
  answerMs = 0;
  readonly #clock: Clock;

  constructor({ clock, ttlMs }: { readonly clock: Clock; readonly ttlMs: number }) {
    this.#clock = clock;
    this.#nowMs = () => clock.monotonic();
    this.#ttlMs = ttlMs;
  }

  open(self: ClusterMember): Engine {
    const call = async <T>(signal: AbortSignal, answer: () => T): Promise<T> => {
      const failure = this.failures.get(self.name) ?? this.failures.get("*");
      if (failure === "silent") await new Promise((resolve) => signal.addEventListener("abort", resolve));
      if (failure && failure !== "blind")
        throw new AgentError("refused", "Cannot reach the engine: connection refused");
      const answered = answer();
      if (this.answerMs > 0) await sleep(this.#clock, this.answerMs, signal);
      return answered;
    };
    return {
      name: "etcd",
      lookEveryMs: this.#ttlMs / this.looksPerTtl,
      renew: (signal) => call(signal, () => this.#renew(self)),
      members: (signal) =>
        call(signal, () => {
          if (this.failures.get(self.name) === "blind")
            throw new ClusterError("status", "It may not list; let it list");
          return this.#live();
        }),
      leave: (signal) =>
        call(signal, () => {
          this.#records.delete(self.name);
          this.#tell();
        }),
      ...(this.tells && {
        watch: async (changed: () => void, signal: AbortSignal) => {
          this.#listeners.add(changed);
          await aborted(signal);
          this.#listeners.delete(changed);
        },
      }),
      close: () => {},
    };
  }

  #renew(member: ClusterMember): Standing {
    const record = this.#records.get(member.name);
    const isForeign = record && record.member.instance !== member.instance && record.untilMs > this.#nowMs();
    if (isForeign) return { heldBy: record.member };
    const isNew = record?.member.instance !== member.instance;
    this.#records.set(member.name, { member, untilMs: this.#nowMs() + this.#ttlMs });
    if (isNew) this.#tell();
    return "member";
  }

  #tell(): void {
    for (const changed of this.#listeners) changed();
  }

  #live(): readonly ClusterMember[] {
    return [...this.#records.values()].filter(({ untilMs }) => untilMs > this.#nowMs()).map(({ member }) => member);
  }
}
