import { describe, expect, test } from "bun:test";
import { SendWindow } from "../../../src/pyroscope/write/send-window.ts";

describe("the window of requests", () => {
  test.each<[string, string, number]>([
    ["is what is configured", "", 8],
    ["halves when the server asks for less", "-", 4],
    ["halves again and again, and never closes", "-----", 1],
    ["does not grow before a window of answers", "-+++", 4],
    ["grows by one with a window of answers", "-++++", 5],
    ["grows more slowly the larger it is", "-++++ +++++ +++++", 6],
    ["starts counting anew when it halves", "--+-+", 2],
    ["grows to what is configured and no further", `----${"+".repeat(100)}`, 8],
  ])("%s: %s", (_, events, size) => {
    const window = new SendWindow();
    for (const event of events) {
      if (event === "-") window.halve(8);
      if (event === "+") window.answered(8);
    }
    expect(window.size(8)).toBe(size);
  });

  test("follows a changed bound, and forgets when it is told to", () => {
    const window = new SendWindow();
    expect(window.size(2)).toBe(2);
    window.halve(8);
    expect([window.size(8), window.size(3)]).toEqual([4, 3]);
    window.forget();
    expect(window.size(16)).toBe(16);
  });
});
