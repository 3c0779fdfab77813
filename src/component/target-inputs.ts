import { type Clock, limits, type Timer } from "../base/index.ts";
import type { TargetSource } from "../model/index.ts";

export interface TargetInputsOptions {
  readonly clock: Clock;
  /** Called whenever a source has changed, and when what comes from them is complete. */
  readonly changed: () => void;
}

/**
 * The sources that a component takes targets from. While it runs, a reload may have it refer to one that is only being made, and that is
 * empty until it has looked; what it will have must not be taken for gone before that, for a bounded time.
 */
export class TargetInputs {
  readonly #options: TargetInputsOptions;
  #sources: readonly TargetSource[] | undefined;
  #unsubscribe: readonly (() => void)[] = [];
  /** Sources of a reload that have not answered yet. */
  #awaited: readonly TargetSource[] = [];
  /** Set while targets may be missing. */
  #timer: Timer | undefined;

  constructor(options: TargetInputsOptions) {
    this.#options = options;
  }

  /** Listens to these, and no longer to those of before; calls nobody by itself. What comes from the first ones is complete as it is. */
  connect(sources: readonly TargetSource[]): void {
    const before = this.#sources ?? sources;
    const awaited = sources.filter(
      (source) => source.hasAnswered === false && (!before.includes(source) || this.#awaited.includes(source)),
    );
    this.close();
    this.#sources = sources;
    this.#unsubscribe = sources.map((source) => source.subscribe(() => this.#heard()));
    this.#awaited = awaited;
    if (awaited.length > 0) this.#completeIn(limits.newSourceMs);
  }

  get isComplete(): boolean {
    return this.#timer === undefined;
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #heard(): void {
    if (this.#awaited.length > 0 && this.#awaited.every(({ hasAnswered }) => hasAnswered)) {
      this.#awaited = [];
      this.#completeIn(limits.newSourceSettleMs);
    }
    this.#options.changed();
  }

  #completeIn(ms: number): void {
    const { clock, changed } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after(ms, () => {
      this.#awaited = [];
      this.#timer = undefined;
      changed();
    });
  }
}
