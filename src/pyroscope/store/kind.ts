import { aborted, AgentError, formatSize } from "../../base/index.ts";
import type { Component, ComponentContext, ComponentKind, DebugInfo, Exports } from "../../component/index.ts";
import type { Profile, StoredProfile } from "../../model/index.ts";
import { type StoreArguments, storeArguments } from "./arguments.ts";
import { mergeProfiles } from "./merge-profiles.ts";
import { createStoreMetrics, type StoreMetrics } from "./metrics.ts";
import { ProfileShelf, type ShelfLimits } from "./profile-shelf.ts";
import { createRefusalLog, type RefusalLog } from "./refusal-log.ts";

/** The kind `pyroscope.store` (DESIGN, the embedded default). */
export const storeKind: ComponentKind<StoreArguments> = {
  name: "pyroscope.store",
  summary: "Keeps the newest profiles on this box, for the debug page, the API and the command line.",
  schema: storeArguments,
  exports: "receiver",
  create: (args, context) => new StoreComponent(args, context),
};

class StoreComponent implements Component<StoreArguments> {
  readonly exports: Exports;
  readonly #id: string;
  readonly #metrics: StoreMetrics;
  readonly #logRefusal: RefusalLog;
  readonly #shelf: ProfileShelf;

  constructor(args: StoreArguments, { id, clock, log, metrics }: ComponentContext) {
    this.#id = id;
    this.#metrics = createStoreMetrics(metrics, id);
    this.#logRefusal = createRefusalLog(log, clock);
    const shelf = new ProfileShelf(shelfLimits(args), { clock, onEvicted: (reason) => this.#metrics.evicted(reason) });
    this.#shelf = shelf;
    this.exports = {
      receiver: { append: async (profile) => this.#append(profile) },
      profiles: {
        list: (query) => shelf.find(query).map(describe),
        get: (profileId) => shelf.get(profileId),
        async merge(query) {
          const profiles = shelf.find(query);
          return profiles.length === 0 ? undefined : await mergeProfiles(profiles);
        },
      },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const hideUsage = this.#metrics.showUsage(() => this.#shelf.usage());
    await aborted(signal);
    hideUsage();
  }

  applyConfig(args: StoreArguments): void {
    this.#shelf.applyLimits(shelfLimits(args));
  }

  snapshot(): DebugInfo {
    return { store: { ...this.#shelf.usage(), maxBytes: this.#shelf.maxBytes } };
  }

  #append(profile: Profile): void {
    if (this.#shelf.add(profile)) return;
    this.#metrics.refused("larger_than_store");
    this.#logRefusal(profile, this.#shelf.maxBytes);
    const size = formatSize(profile.data.byteLength);
    const limit = formatSize(this.#shelf.maxBytes);
    throw new AgentError(
      "larger_than_store",
      `Cannot keep a profile in "${this.#id}": its ${size} do not fit into max_bytes = "${limit}"; raise it`,
    );
  }
}

function describe({ id, labels, info, scrapedAtMs, data }: Profile): StoredProfile {
  return { id, labels, info, scrapedAtMs, bytes: data.byteLength };
}

function shelfLimits({ max_bytes, max_age }: StoreArguments): ShelfLimits {
  return { maxBytes: max_bytes.bytes, maxAgeMs: max_age.ms };
}
