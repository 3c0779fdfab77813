import type { Agent } from "../e2e/agent.ts";

/** What was seen between a beginning and an end. Times are in milliseconds, exact to a sample. */
export interface OwnershipFigures {
  readonly targets: number;
  /** Targets that had more than one owner at some time, and for how long at most. */
  readonly twice: number;
  readonly twiceMs: number;
  /** Targets that had no owner at some time, and for how long at most. */
  readonly unowned: number;
  readonly unownedMs: number;
  /** Targets that have another owner at the end than at the beginning. */
  readonly moved: number;
  /** How often a target came to another owner than its last, beyond that. */
  readonly extraMoves: number;
  /** Targets by owner at the end. */
  readonly shares: Readonly<Record<string, number>>;
  /** From the beginning until every target had one owner for the rest of the time. */
  readonly settledMs: number;
}

interface History {
  first: string | undefined;
  last: string | undefined;
  owners: number;
  sinceMs: number;
  twiceMs: number;
  unownedMs: number;
  moves: number;
}

const sampleMs = 100;

/** Asks agents again and again which targets they scrape. One that is stopped or has ended scrapes none. */
export class OwnershipWatch {
  readonly #addresses: readonly string[];
  readonly #agents = new Map<string, Agent>();
  readonly #paused = new Set<string>();

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  add(name: string, agent: Agent): void {
    this.#agents.set(name, agent);
  }

  remove(name: string): void {
    this.#agents.delete(name);
  }

  /** While its process is stopped, it is not asked. */
  pause(name: string, paused: boolean): void {
    if (paused) this.#paused.add(name);
    else this.#paused.delete(name);
  }

  /** Watches for `forMs` from when `act` was called. */
  async during(forMs: number, act: () => Promise<void>): Promise<OwnershipFigures> {
    const startMs = performance.now();
    const histories = new Map(this.#addresses.map((address) => [address, newHistory(startMs)]));
    let settledMs = startMs;
    let shares: Record<string, number> = {};
    const sample = async (): Promise<void> => {
      const owners = await this.owners();
      const nowMs = performance.now();
      shares = {};
      let isSettled = true;
      for (const [address, history] of histories) {
        const names = owners.get(address) ?? [];
        note(history, names, nowMs);
        for (const name of names) shares[name] = (shares[name] ?? 0) + 1;
        isSettled &&= names.length === 1;
      }
      if (!isSettled) settledMs = nowMs;
    };
    await sample();
    const acting = act();
    while (performance.now() - startMs < forMs) {
      await new Promise((resolve) => setTimeout(resolve, sampleMs));
      await sample();
    }
    await acting;
    await sample();
    return figuresOf([...histories.values()], { shares, settledMs: settledMs - startMs });
  }

  /** The names of those who scrape each address now. */
  async owners(): Promise<ReadonlyMap<string, readonly string[]>> {
    const owners = new Map<string, string[]>();
    const asked = [...this.#agents].filter(([name]) => !this.#paused.has(name));
    await Promise.all(
      asked.map(async ([name, agent]) => {
        for (const address of await ownedBy(agent)) {
          if (this.#paused.has(name)) return;
          owners.set(address, [...(owners.get(address) ?? []), name]);
        }
      }),
    );
    return owners;
  }
}

async function ownedBy(agent: Agent): Promise<ReadonlySet<string>> {
  try {
    const response = await fetch(`${agent.url}/api/v0/targets`, { signal: AbortSignal.timeout(2000) });
    const { targets } = (await response.json()) as { targets: readonly { readonly url: string }[] };
    return new Set(targets.map(({ url }) => new URL(url).host));
  } catch {
    return new Set();
  }
}

function newHistory(nowMs: number): History {
  return { first: undefined, last: undefined, owners: 1, sinceMs: nowMs, twiceMs: 0, unownedMs: 0, moves: 0 };
}

function note(history: History, names: readonly string[], nowMs: number): void {
  if (names.length !== history.owners) {
    history.owners = names.length;
    history.sinceMs = nowMs;
  }
  // What is seen once lasted for a part of a sample.
  const lastedMs = nowMs - history.sinceMs + sampleMs / 2;
  if (names.length === 0) history.unownedMs = Math.max(history.unownedMs, lastedMs);
  if (names.length > 1) history.twiceMs = Math.max(history.twiceMs, lastedMs);
  const [only, ...others] = names;
  if (only === undefined || others.length > 0 || only === history.last) return;
  if (history.last !== undefined) history.moves += 1;
  history.first ??= only;
  history.last = only;
}

function figuresOf(
  histories: readonly History[],
  { shares, settledMs }: Pick<OwnershipFigures, "shares" | "settledMs">,
): OwnershipFigures {
  const moved = histories.filter(({ first, last }) => first !== last).length;
  const longest = (lengths: readonly number[]): number => Math.round(Math.max(0, ...lengths));
  return {
    targets: histories.length,
    twice: histories.filter(({ twiceMs }) => twiceMs > 0).length,
    twiceMs: longest(histories.map(({ twiceMs }) => twiceMs)),
    unowned: histories.filter(({ unownedMs }) => unownedMs > 0).length,
    unownedMs: longest(histories.map(({ unownedMs }) => unownedMs)),
    moved,
    extraMoves: histories.reduce((sum, { moves }) => sum + moves, 0) - moved,
    shares,
    settledMs: Math.round(settledMs),
  };
}
