import { expect } from "bun:test";
import { Membership } from "../../src/cluster/membership.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { MemoryEngines } from "./memory-engine.ts";

export const ttlMs = 10_000;
export const addresses = Array.from({ length: 300 }, (_, index) => `10.0.0.${index}:6060`);

/** Agents of one cluster in one process, whose time is turned by hand. */
export class Agents {
  readonly clock = new FakeClock();
  readonly engines = new MemoryEngines({ clock: this.clock, ttlMs });
  readonly log = createMemoryLog();
  readonly #running: { readonly stop: AbortController; readonly ended: Promise<void> }[] = [];

  start(nodeName: string, onEngineLoss: "keep" | "stop" = "keep") {
    const metrics = createMetrics();
    let sleptMs = 0;
    const membership = new Membership({
      nodeName,
      ttlMs,
      onEngineLoss,
      engineName: "etcd",
      openEngine: async (self) => this.engines.open(self),
      clock: {
        now: () => this.clock.now(),
        monotonic: () => this.clock.monotonic(),
        uptime: () => this.clock.uptime() + sleptMs,
        after: (delayMs, callback) => this.clock.after(delayMs, callback),
      },
      log: this.log,
      metrics,
    });
    const stop = new AbortController();
    const ended = membership.run(stop.signal, { url: `http://${nodeName}/` });
    this.#running.push({ stop, ended });
    return {
      membership,
      metrics,
      owned: () => addresses.filter((address) => membership.owns(address)),
      state: () => membership.snapshot().state,
      /** The machine sleeps: its timers stand still meanwhile. */
      sleep: (ms: number) => void (sleptMs += ms),
      leave: () => (stop.abort(), ended),
      /** It ends without a word. */
      kill: () => (this.engines.failures.set(nodeName, "unreachable"), stop.abort(), ended),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#running) stop.abort();
    const ended = Promise.all(this.#running.map((each) => each.ended));
    await this.clock.advance(ttlMs);
    await ended;
    expect(this.clock.pending).toBe(0);
  }
}

export type Running = ReturnType<Agents["start"]>;

/** How many agents own each address. */
export function owners(...agents: readonly Running[]): ReadonlySet<number> {
  const owned = agents.flatMap((agent) => agent.owned());
  return new Set(addresses.map((address) => owned.filter((other) => other === address).length));
}

export const exactlyOne = new Set([1]);
