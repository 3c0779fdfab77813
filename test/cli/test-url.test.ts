import { describe, expect, test } from "bun:test";
import { maskedUrl, parseTestUrl } from "../../src/cli/test-url.ts";

describe("the URL of a test", () => {
  const table: readonly (readonly [text: string, isProcess: boolean, process: string, url: string])[] = [
    ["localhost:6060", true, "http://localhost:6060", "http://localhost:6060/"],
    ["http://a:1/admin/debug/pprof/", true, "http://a:1/admin", "http://a:1/admin/debug/pprof/"],
    ["https://a/debug/pprof/heap", false, "https://a", "https://a/debug/pprof/heap"],
    ["http://a/debug/pprof/profile", false, "http://a", "http://a/debug/pprof/profile?seconds=1"],
    ["unix:///run/a.sock:/debug/pprof/heap", false, "unix:///run/a.sock", "unix:///run/a.sock:/debug/pprof/heap"],
    ["unix:///run/a.sock", true, "unix:///run/a.sock", "unix:///run/a.sock:/"],
  ];
  for (const [text, isProcess, process, url] of table)
    test(`${text} names ${isProcess ? "a process" : "a profile"}`, () => {
      expect(parseTestUrl(text)).toMatchObject({ isProcess, process, url });
    });

  test("is shown without what may be secret", () => {
    expect(maskedUrl("https://u:p@a/x?seconds=5&key=1&debug=secret#frag")).toBe("https://a/x?seconds=5&key=…&debug=…");
    expect(maskedUrl("unix:///run/a.sock:/x?key=1")).toBe("unix:///run/a.sock:/x?key=…");
  });
});
