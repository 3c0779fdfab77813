import { type Clock, formatDuration, sleep } from "../../base/index.ts";
import type { LeftComponentStatus } from "../../model/index.ts";
import type { Logger, Metrics } from "../../observability/index.ts";
import type { DataDirectory, SpoolLog } from "../../storage/index.ts";
import { LeftEndpoints } from "./left-endpoints.ts";
import { writeLimits } from "./limits.ts";

export interface LeftComponentsOptions {
  readonly storage: DataDirectory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

interface LeftLog {
  readonly spool: SpoolLog;
  readonly endpoints: LeftEndpoints;
  /** As of the last look: nothing is added, and what goes goes then. */
  kept: KeptRecords;
}

/** Times are those of `Clock.uptime`, so that they hold when the wall clock is set. */
interface KeptRecords {
  readonly profiles: number;
  readonly bytes: number;
  readonly oldestUptimeMs?: number;
  readonly untilUptimeMs?: number;
}

/**
 * Logs on disk of components that are no longer in the configuration, or have another name there. Their records are kept for as long as
 * a server would take them, so that a component that comes back has them; then they are counted as `endpoint_removed` and let go.
 */
export class LeftComponents {
  readonly #options: LeftComponentsOptions;
  readonly #held = new Map<string, LeftLog>();
  /** Nothing is left of those that anybody wants, whatever else is in their directories: what files of a later version occupy there. */
  readonly #done = new Map<string, number>();
  #present: ReadonlySet<string> = new Set();

  constructor(options: LeftComponentsOptions) {
    this.#options = options;
  }

  /** Those are in the configuration from now on. To be called before they run: a log that one of them needs is closed here. */
  applyConfig(components: readonly { readonly id: string }[]): void {
    this.#present = new Set(components.map(({ id }) => id));
    this.#done.clear();
    for (const [id, { spool }] of this.#held) {
      if (!this.#present.has(id)) continue;
      this.#held.delete(id);
      void spool.close();
    }
  }

  /** Looks for such logs, and at their records, every `writeLimits.leftCheckMs` until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      // The component that uses the disk says what is wrong with it.
      await this.check().catch((err: unknown) => log.debug("Cannot look after the logs of former components", { err }));
      await sleep(clock, writeLimits.leftCheckMs, signal).catch(() => undefined);
    }
    await Promise.all([...this.#held.values()].map(({ spool }) => spool.close()));
  }

  /** What is kept of each. */
  snapshot(): readonly LeftComponentStatus[] {
    const held = [...this.#held].map(([component, { spool, kept }]) => this.#statusOf(component, spool, kept));
    const done = [...this.#done].map(([component, newerBytes]) => ({ component, profiles: 0, bytes: 0, newerBytes }));
    return [...held, ...done].filter(({ profiles, newerBytes = 0 }) => profiles + newerBytes > 0);
  }

  #statusOf(component: string, spool: SpoolLog, kept: KeptRecords): LeftComponentStatus {
    const { clock } = this.#options;
    const wallMs = (uptimeMs: number): number => clock.now() + uptimeMs - clock.uptime();
    const { profiles, bytes, oldestUptimeMs, untilUptimeMs } = kept;
    const { newerBytes } = spool.snapshot();
    return {
      component,
      profiles,
      bytes,
      ...(oldestUptimeMs !== undefined && { oldestMs: wallMs(oldestUptimeMs) }),
      ...(untilUptimeMs !== undefined && { keptUntilMs: wallMs(untilUptimeMs) }),
      ...(newerBytes !== undefined && { newerBytes }),
    };
  }

  /** Rejects with a StorageError. */
  async check(): Promise<void> {
    const closed = await this.#options.storage.closedSpools();
    for (const id of this.#done.keys()) if (!closed.includes(id)) this.#done.delete(id);
    // It may have come back meanwhile.
    for (const id of closed) if (!this.#present.has(id) && !this.#done.has(id)) await this.#take(id);
    for (const [id, held] of this.#held) await this.#lookAt(id, held);
  }

  async #take(id: string): Promise<void> {
    const { storage, clock, log, metrics } = this.#options;
    // What is there is within the bound that it had, and nothing is added.
    const spool = storage.spoolLog(id, {
      maxBytes: Number.MAX_SAFE_INTEGER,
      onLost: (lost) => endpoints.dropped(lost.owner, lost),
    });
    const ofComponent = { id, clock, log: log.with({ component: id }), metrics };
    const endpoints = new LeftEndpoints({ ...ofComponent, spoolLog: () => spool, present: () => new Set() });
    this.#held.set(id, { spool, endpoints, kept: { profiles: 0, bytes: 0 } });
    try {
      await spool.open();
    } catch (error) {
      this.#held.delete(id);
      await spool.close();
      throw error;
    }
    const profiles = spool.owners().reduce((sum, owner) => sum + spool.usage(owner).records, 0);
    if (profiles > 0)
      log.warn("Profiles on disk are for a component that is not in the configuration", {
        component: id,
        profiles,
        kept_for: formatDuration(writeLimits.leftAgeMs),
      });
  }

  async #lookAt(id: string, held: LeftLog): Promise<void> {
    const { spool, endpoints } = held;
    endpoints.expire();
    held.kept = keptIn(spool, this.#options.clock);
    if (spool.owners().length > 0) return;
    this.#held.delete(id);
    this.#done.set(id, spool.snapshot().newerBytes ?? 0);
    await spool.close();
    await this.#options.storage.removeSpool(id);
  }
}

/** Every record once, however many endpoints want it. */
function keptIn(spool: SpoolLog, clock: Clock): KeptRecords {
  const numbers = new Set(spool.owners().flatMap((owner) => [...numbersOf(spool, owner)]));
  const bytes = [...numbers].reduce((sum, number) => sum + spool.bytesOf(number), 0);
  const ages = [...numbers].map((number) => spool.ageOf(number)).filter((age) => typeof age === "number");
  const times = ages.toSorted((a, b) => b - a).map((ageMs) => clock.uptime() - ageMs);
  const [oldest, newest] = [times[0], times.at(-1)];
  return {
    profiles: numbers.size,
    bytes,
    ...(oldest !== undefined && { oldestUptimeMs: oldest }),
    // Of the others nobody knows yet.
    ...(newest !== undefined && ages.length === numbers.size && { untilUptimeMs: newest + writeLimits.leftAgeMs }),
  };
}

function* numbersOf(spool: SpoolLog, owner: string): Generator<number> {
  for (let number = spool.next(owner); number !== undefined; number = spool.next(owner, number)) yield number;
}
