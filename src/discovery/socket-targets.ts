import type { ComponentContext } from "../component/index.ts";
import { isUnixUrl } from "../http/index.ts";
import { labelValue, type Target } from "../model/index.ts";
import { ToldFailures } from "./told-failures.ts";

type SocketTargetsContext = Pick<ComponentContext, "log" | "clock">;

/**
 * Keeps out targets on unix sockets that something beyond this machine named: whoever answers discovery could have any socket asked that
 * the agent may write to, such as Docker's.
 */
export class SocketTargets {
  readonly #context: SocketTargetsContext;
  /** How many each source named. */
  readonly #skipped = new Map<string, number>();
  readonly #told: ToldFailures;

  constructor(context: SocketTargetsContext) {
    this.#context = context;
    this.#told = new ToldFailures(context.clock);
  }

  /** The targets of a source without them. The same list where there are none. */
  without(source: string, targets: readonly Target[]): readonly Target[] {
    const sockets = targets.filter(isSocket);
    if (sockets.length === 0) {
      this.forget(source);
      return targets;
    }
    this.#skipped.set(source, sockets.length);
    if (this.#told.isNews(source, socketReason))
      this.#context.log.warn(
        "Skipped targets on unix sockets: only the configuration, its rules, discovery.file and discovery.process may name sockets of this machine",
        { source, targets: sockets.length },
      );
    return targets.filter((target) => !isSocket(target));
  }

  forget(source: string): void {
    this.#skipped.delete(source);
    this.#told.isOver(source);
  }

  clear(): void {
    this.#skipped.clear();
    this.#told.clear();
  }

  /** How many are kept out now. */
  get count(): number {
    return [...this.#skipped.values()].reduce((sum, skipped) => sum + skipped, 0);
  }
}

/** Under which they count as skipped. */
export const socketReason = "unix_socket";

function isSocket(target: Target): boolean {
  return isUnixUrl(labelValue(target, "__address__"));
}
