import { isDeepStrictEqual } from "node:util";
import { type Clock, errorMessage } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { ComponentConfig } from "./component-config.ts";
import type { Component, Exports, Health } from "./kind.ts";

export interface GraphNodeOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once if the component stops working although nobody asked it to. */
  readonly onCrash: () => void;
}

/** One component of the graph from its making to its end: the configuration it runs with, its health, its abort signal. */
export class GraphNode {
  readonly #component: Component;
  readonly #options: GraphNodeOptions;
  readonly #controller = new AbortController();
  #config: ComponentConfig;
  #health: Health;
  #crashed = false;
  #ended: Promise<void> = Promise.resolve();

  /** Makes the component; throws what its kind throws. */
  constructor(config: ComponentConfig, component: Component, options: GraphNodeOptions) {
    this.#config = config;
    this.#component = component;
    this.#options = options;
    this.#health = this.#healthNow("healthy", "");
  }

  get config(): ComponentConfig {
    return this.#config;
  }

  get health(): Health {
    return this.#health;
  }

  get exports(): Exports {
    return this.#component.exports;
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  debugInfo(): ReturnType<Component["snapshot"]> {
    return this.#component.snapshot();
  }

  /** Whether applying `config` would change anything. */
  differsFrom(config: ComponentConfig): boolean {
    return !isDeepStrictEqual(this.#config.raw, config.raw);
  }

  /** Throws, with the old configuration still in force, where the component will not take the new one. */
  applyConfig(config: ComponentConfig): void {
    if (this.differsFrom(config)) this.#component.applyConfig(config.args);
    this.#config = config;
  }

  /** What it would try later, it tries now. */
  tryNow(): void {
    if (!this.#crashed) this.#component.tryNow?.();
  }

  markHealthy(): void {
    if (this.#health.state !== "healthy") this.#health = this.#healthNow("healthy", "");
  }

  markUnhealthy(message: string): void {
    this.#health = this.#healthNow("unhealthy", message);
  }

  /** Runs the component once `after` is over; told to end before, it still ends by itself what it took until then. */
  start(after: Promise<void> = Promise.resolve()): void {
    this.#ended = after
      .then(() => this.#component.run(this.#controller.signal))
      .then(
        () => this.#onEnd(undefined),
        (thrown: unknown) => this.#onEnd(thrown),
      );
  }

  /** Tells the component to end; resolves when it has. */
  stop(): Promise<void> {
    this.#controller.abort();
    return this.#ended;
  }

  #onEnd(thrown: unknown): void {
    const { log, onCrash } = this.#options;
    const expected = this.#controller.signal.aborted;
    if (expected && thrown === undefined) return;
    log.error(expected ? "Component failed while stopping" : "Component ended unasked", { err: thrown });
    if (expected) return;
    this.#crashed = true;
    // Whatever it had started must not outlive it.
    this.#controller.abort();
    this.markUnhealthy(`Ended unasked: ${thrown === undefined ? "no error given" : errorMessage(thrown)}`);
    onCrash();
  }

  #healthNow(state: Health["state"], message: string): Health {
    return { state, message, updatedMs: this.#options.clock.now() };
  }
}
