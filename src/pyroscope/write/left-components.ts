import { type Clock, formatDuration, sleep } from "../../base/index.ts";
import type { LeftComponentStatus } from "../../model/index.ts";
import type { Logger, Metrics } from "../../observability/index.ts";
import type { DataDirectory, SpoolLog } from "../../storage/index.ts";
import { keptRecords } from "./kept-records.ts";
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
    const held = [...this.#held].map(([component, { spool }]) => {
      const { newerBytes } = spool.snapshot();
      const kept = keptRecords(spool, spool.owners(), this.#options.clock);
      return { component, ...kept, ...(newerBytes !== undefined && { newerBytes }) };
    });
    const done = [...this.#done].map(([component, newerBytes]) => ({ component, profiles: 0, bytes: 0, newerBytes }));
    return [...held, ...done].filter(({ profiles, newerBytes = 0 }) => profiles + newerBytes > 0);
  }

  /** Rejects with a StorageError where the data directory cannot be read. */
  async check(): Promise<void> {
    const { storage, log } = this.#options;
    const closed = await storage.closedSpools();
    for (const id of this.#done.keys()) if (!closed.includes(id)) this.#done.delete(id);
    // One that cannot be read keeps nobody from looking at the others.
    for (const id of [...this.#held.keys(), ...closed])
      await this.#checkOne(id).catch((err: unknown) =>
        log.debug("Cannot look after the log of a former component", { component: id, err }),
      );
  }

  async #checkOne(id: string): Promise<void> {
    // It may have come back meanwhile.
    if (this.#present.has(id) || this.#done.has(id)) return;
    const held = this.#held.get(id) ?? (await this.#take(id));
    await this.#lookAt(id, held);
  }

  async #take(id: string): Promise<LeftLog> {
    const { storage, clock, log, metrics } = this.#options;
    // What is there is within the bound that it had, and nothing is added.
    const spool = storage.spoolLog(id, {
      maxBytes: Number.MAX_SAFE_INTEGER,
      onLost: (lost) => endpoints.dropped(lost.owner, lost),
    });
    const ofComponent = { id, clock, log: log.with({ component: id }), metrics };
    const endpoints = new LeftEndpoints({ ...ofComponent, spoolLog: () => spool, present: () => new Set() });
    const taken = { spool, endpoints };
    this.#held.set(id, taken);
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
    return taken;
  }

  async #lookAt(id: string, { spool, endpoints }: LeftLog): Promise<void> {
    endpoints.expire();
    if (spool.owners().length > 0) return;
    this.#held.delete(id);
    this.#done.set(id, spool.snapshot().newerBytes ?? 0);
    await spool.close();
    await this.#options.storage.removeSpool(id);
  }
}
