import type { Clock } from "../../base/index.ts";
import type { Listener } from "./listeners.ts";
import { askName, probe, type ProbeOptions } from "./probe.ts";

/** What is known of a listener. */
export interface Verdict {
  readonly isPprof: boolean;
  /** The address at which it answered. */
  readonly address: string;
  /** What it calls itself, where it was asked. */
  readonly name: string;
}

interface Remembered extends Verdict {
  /** Of an answer that may change: when to ask again, and how often it was asked. */
  readonly askAgainMs: number | undefined;
  readonly asked: number;
}

/** How long somebody who was busy is left alone, and how often that goes on. */
const busyMs = 60_000;
const mostTimes = 5;

/**
 * Asks every listener once, for as long as its socket is open: what is no pprof endpoint is not to be bothered by a stranger again and
 * again. Only who cannot answer now, as programs that are starting, is asked a few times more.
 */
export class Verdicts {
  readonly #clock: Clock;
  readonly #known = new Map<string, Remembered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is known without asking. */
  known({ inode }: Listener): Verdict | undefined {
    return this.#known.get(inode);
  }

  /** With `wantsName`, one that answers pprof is asked for its name too. */
  async about(listener: Listener, options: ProbeOptions & { readonly wantsName: boolean }): Promise<Verdict> {
    const before = this.#known.get(listener.inode);
    if (before && (before.askAgainMs === undefined || this.#clock.monotonic() < before.askAgainMs)) return before;
    const asked = (before?.asked ?? 0) + 1;
    const verdict = await this.#ask(listener, { ...options, asked });
    this.#known.set(listener.inode, verdict);
    return verdict;
  }

  /** Forgets sockets that are no more: their numbers may come again. */
  keepOnly(inodes: ReadonlySet<string>): void {
    for (const inode of this.#known.keys()) if (!inodes.has(inode)) this.#known.delete(inode);
  }

  async #ask(
    { addresses }: Listener,
    options: ProbeOptions & { readonly wantsName: boolean; readonly asked: number },
  ): Promise<Remembered> {
    const { asked } = options;
    const [first = ""] = addresses;
    const unknown = { isPprof: false, address: first, name: "", asked };
    for (const address of addresses) {
      const answer = await probe(address, options);
      if (answer === "nobody") continue;
      if (answer === "other") return { ...unknown, askAgainMs: undefined };
      if (answer === "busy") break;
      const name = options.wantsName ? await askName(address, options) : "";
      return { isPprof: true, address, name, asked, askAgainMs: undefined };
    }
    return { ...unknown, askAgainMs: asked < mostTimes ? this.#clock.monotonic() + busyMs : undefined };
  }
}
