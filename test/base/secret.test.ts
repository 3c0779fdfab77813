import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { Secret, withoutUserinfo } from "../../src/base/index.ts";

describe("A secret", () => {
  const secret = new Secret("hunter2");
  const shown: [how: string, text: string][] = [
    ["String()", String(secret)],
    ["a concatenation", "".concat(secret as never)],
    ["JSON.stringify()", JSON.stringify({ secret })],
    ["util.inspect()", inspect({ secret }, { showHidden: true, depth: 5 })],
    ["Object.entries()", JSON.stringify(Object.entries(secret))],
    ["a copy", JSON.stringify(Object.assign({}, secret))],
  ];

  test.each(shown)("does not appear through %s", (_how, text) => {
    expect(text).not.toContain("hunter2");
  });

  test("is told on request only", () => {
    expect(secret.reveal()).toBe("hunter2");
  });
});

describe("withoutUserinfo()", () => {
  const urls: [url: string, shown: string][] = [
    ["http://user:pass@host:4040/path?q=1", "http://host:4040/path?q=1"],
    ["http://user@host/", "http://host/"],
    ["http://:pass@host/", "http://host/"],
    ["http://host:4040", "http://host:4040"],
    ["localhost:6060", "localhost:6060"],
    ["not a url", "not a url"],
  ];
  test.each(urls)("shows %s as %s", (url, shown) => {
    expect(withoutUserinfo(url)).toBe(shown);
  });
});
