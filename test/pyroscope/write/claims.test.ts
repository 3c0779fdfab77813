import { describe, expect, test } from "bun:test";
import { Claims } from "../../../src/pyroscope/write/claims.ts";

/** Claims over a log that has these records of the owner. */
function claimsOver(...numbers: number[]) {
  const log = new Set(numbers);
  const nextAfter = (number: number): number | undefined =>
    [...log].toSorted((a, b) => a - b).find((candidate) => candidate > number);
  const claims = new Claims(nextAfter);
  const claimed = (): number[] => [...log].filter((number) => claims.has(number));
  return { log, claims, claimed };
}

describe("the records that may be sent", () => {
  test("are all that were there at the start", () => {
    const { log, claims, claimed } = claimsOver(2, 5, 9);
    expect(claimed()).toEqual([]);
    claims.claimAll();
    log.add(10);
    expect(claimed()).toEqual([2, 5, 9]);
  });

  test("are those that were claimed, in whatever order", () => {
    const { claims, claimed } = claimsOver(3, 4, 7);
    claims.claim(7);
    expect(claimed()).toEqual([7]);
    claims.claim(3);
    expect(claimed()).toEqual([3, 7]);
    claims.claim(4);
    expect(claimed()).toEqual([3, 4, 7]);
  });

  test("are not those of another before they are claimed", () => {
    const { log, claims, claimed } = claimsOver(5, 6);
    claims.claimAll();
    claims.hold(4);
    log.add(4);
    expect(claimed()).toEqual([5, 6]);
    claims.claim(4);
    expect(claimed()).toEqual([5, 6, 4]);
  });

  test("wait for no record that is gone", () => {
    const { log, claims, claimed } = claimsOver(1, 2, 3);
    claims.claim(2);
    claims.claim(3);
    log.delete(1);
    claims.forget(1);
    log.add(4);
    claims.claim(4);
    expect(claimed()).toEqual([2, 3, 4]);
  });
});
