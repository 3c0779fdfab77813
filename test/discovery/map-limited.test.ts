import { expect, test } from "bun:test";
import { mapLimited } from "../../src/discovery/map-limited.ts";
import { settle } from "../support/fake-clock.ts";

test("A map of limited width keeps the order, and no more than its limit are under way", async () => {
  let underWay = 0;
  let most = 0;
  const doubled = await mapLimited([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++underWay);
    for (let turns = item; turns < 6; turns++) await Promise.resolve();
    underWay--;
    return 2 * item;
  });
  expect([doubled, most]).toEqual([[2, 4, 6, 8, 10], 2]);
});

test("A map of limited width begins nothing after a failure, and fails once what was under way has ended", async () => {
  const begun: number[] = [];
  const slow = Promise.withResolvers<void>();
  let failure: unknown;
  const ended = mapLimited([1, 2, 3, 4], 2, (item) => {
    begun.push(item);
    return item === 1 ? slow.promise : Promise.reject(new Error(`no ${item}`));
  }).catch((thrown: unknown) => (failure = thrown));
  await settle();
  expect(failure).toBeUndefined();
  slow.resolve();
  await ended;
  expect([begun, failure]).toEqual([[1, 2], new Error("no 2")]);
});
