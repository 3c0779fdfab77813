import { type Clock, formatDuration } from "../base/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { mapLimited } from "./map-limited.ts";
import { withDeadline } from "./with-deadline.ts";

export interface SideQuestionsOptions<Answer> {
  readonly ask: (about: string, signal: AbortSignal) => Promise<Answer>;
  readonly clock: Clock;
  /** For all questions of one look. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const questionsAtOnce = 16;

/**
 * Questions whose answers complete what a look has found: where a host is, which ports a container exposes. No answer, a wrong one or a late one
 * fails neither the look nor the other questions: what was answered before holds on.
 */
export class SideQuestions<Answer> {
  readonly #answers = new Map<string, Answer>();
  #unanswered: ReadonlySet<string> = new Set();

  /** The last answer about each. */
  get answers(): ReadonlyMap<string, Answer> {
    return this.#answers;
  }

  /** Asks, and resolves with why some were not answered. Rejects only where `signal` aborts. */
  async ask(
    about: readonly string[],
    { ask, clock, timeoutMs, signal }: SideQuestionsOptions<Answer>,
  ): Promise<readonly unknown[]> {
    const failures = new Map<string, unknown>();
    const askOne = async (one: string, inTime: AbortSignal): Promise<void> => {
      try {
        inTime.throwIfAborted();
        this.#answers.set(one, await ask(one, inTime));
      } catch (thrown) {
        signal.throwIfAborted();
        failures.set(one, inTime.aborted ? inTime.reason : thrown);
      }
    };
    await withDeadline((inTime) => mapLimited(this.#inTurn(about), questionsAtOnce, (one) => askOne(one, inTime)), {
      clock,
      timeoutMs,
      signal,
      late: () => new DiscoveryError("timeout", `No answer within the ${formatDuration(timeoutMs)} for all of them`),
    });
    this.#unanswered = new Set(failures.keys());
    return [...failures.values()];
  }

  /** Forgets the answers about all others. */
  keepOnly(about: Iterable<string>): void {
    const kept = new Set(about);
    for (const one of this.#answers.keys()) if (!kept.has(one)) this.#answers.delete(one);
  }

  /** Those that were not answered the last time come last: they may take all the time again. */
  #inTurn(about: readonly string[]): readonly string[] {
    const all = [...new Set(about)];
    const isLast = (one: string): boolean => this.#unanswered.has(one);
    return [...all.filter((one) => !isLast(one)), ...all.filter(isLast)];
  }
}
