import { describe, expect, test } from "bun:test";
import { labelsOf } from "../../../src/model/index.ts";
import { storeLimits } from "../../../src/pyroscope/store/limits.ts";
import { ProfileShelf } from "../../../src/pyroscope/store/profile-shelf.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { aProfile } from "../write/profiles.ts";

const slot = 1000 + storeLimits.entryBytes;

/** A shelf with room for `slots` profiles of 1000 bytes. */
function shelfOf(slots: number, maxAgeMs = 60_000) {
  const clock = new FakeClock();
  const evicted: string[] = [];
  const onEvicted = (reason: string): void => void evicted.push(reason);
  const shelf = new ProfileShelf({ maxBytes: slots * slot, maxAgeMs }, { clock, onEvicted });
  const add = (id: string, { bytes = 1000, labels = {} }: { bytes?: number; labels?: Record<string, string> } = {}) =>
    shelf.add({ ...aProfile({ id, labels, scrapedAtMs: clock.now() }), data: new Uint8Array(bytes) });
  const ids = (query = {}): string[] => shelf.find(query).map(({ id }) => id);
  return { clock, shelf, evicted, add, ids };
}

describe("the store", () => {
  test("keeps the newest and shows them newest first", () => {
    const { add, ids, evicted, shelf } = shelfOf(2);
    for (const id of ["a", "b", "c"]) add(id);
    expect(ids()).toEqual(["c", "b"]);
    expect(evicted).toEqual(["full"]);
    expect(shelf.get("a")).toBeUndefined();
    expect(shelf.usage()).toEqual({ profiles: 2, bytes: 2 * slot });
  });

  test("refuses what is larger than itself and keeps the rest", () => {
    const { add, ids } = shelfOf(2);
    add("a");
    expect(add("giant", { bytes: 3 * slot })).toBe(false);
    expect(ids()).toEqual(["a"]);
  });

  test("forgets what is too old although nothing new comes", async () => {
    const { add, ids, shelf, clock, evicted } = shelfOf(3, 10_000);
    add("a");
    await clock.advance(6000);
    add("b");
    await clock.advance(6000);
    expect(shelf.get("a")).toBeUndefined();
    expect(ids()).toEqual(["b"]);
    await clock.advance(6000);
    expect(shelf.usage()).toEqual({ profiles: 0, bytes: 0 });
    expect(evicted).toEqual(["too_old", "too_old"]);
  });

  test("measures age by the monotonic clock", () => {
    const { add, ids, clock } = shelfOf(3, 10_000);
    add("a");
    clock.jumpWall(86_400_000);
    expect(ids()).toEqual(["a"]);
  });

  test("finds by labels and by the time of the scrape, both ends included", async () => {
    const { add, ids, clock } = shelfOf(3);
    const startMs = clock.now();
    add("a", { labels: { __name__: "memory", service_name: "shop" } });
    await clock.advance(1000);
    add("b", { labels: { __name__: "memory", service_name: "till" } });
    await clock.advance(1000);
    add("c", { labels: { __name__: "mutex", service_name: "shop" } });
    expect(ids({ labels: labelsOf({ service_name: "shop" }) })).toEqual(["c", "a"]);
    expect(ids({ labels: labelsOf({ service_name: "shop", __name__: "memory" }) })).toEqual(["a"]);
    expect(ids({ labels: labelsOf({ pod: "x" }) })).toEqual([]);
    expect(ids({ fromMs: startMs + 1000 })).toEqual(["c", "b"]);
    expect(ids({ fromMs: startMs, untilMs: startMs + 1000 })).toEqual(["b", "a"]);
  });

  test("keeps a profile that comes twice once", () => {
    const { add, ids, shelf } = shelfOf(3);
    add("a");
    add("a");
    expect(ids()).toEqual(["a"]);
    expect(shelf.usage().bytes).toBe(slot);
  });

  test("keeps within new limits", () => {
    const { add, ids, shelf } = shelfOf(3);
    for (const id of ["a", "b", "c"]) add(id);
    shelf.applyLimits({ maxBytes: slot, maxAgeMs: 60_000 });
    expect(ids()).toEqual(["c"]);
  });
});
