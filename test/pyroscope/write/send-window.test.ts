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
    ["grows to what is configured and no further", `----${"+".repeat(200)}`, 8],
  ])("%s: %s", (_, events, size) => {
    const window = new SendWindow();
    for (const event of events) {
      if (event === "-") window.halve(8);
      if (event === "+") window.answered(8);
    }
    expect(window.size(8)).toBe(size);
  });

  test.each<[string, string, number]>([
    ["none while several at a time are too many", "---", 0],
    ["a quarter of a second where one at a time is too fast", "----", 250],
    ["no longer while nothing passes", "-".repeat(50), 250],
    ["longer where that is too fast still", "----+-", 315.25],
    ["no longer than ten seconds", `---${"-+".repeat(50)}-`, 10_000],
    [
      "much shorter after many answers in a row",
      `----${"+".repeat(16)}`,
      250 * 0.97 ** (9 + 2 + 3 + 4 + 5 + 6 + 7 + 8),
    ],
    ["a little shorter with each answer", "----+", 242.5],
    ["none in the end", `----${"+".repeat(100)}`, 0],
  ])("rests between two requests: %s", (_, events, restMs) => {
    const window = new SendWindow();
    for (const event of events) {
      if (event === "-") window.halve(8);
      if (event === "+") window.answered(8);
    }
    expect(window.restMs).toBeCloseTo(restMs);
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
