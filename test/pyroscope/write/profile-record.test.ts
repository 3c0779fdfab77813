import { describe, expect, test } from "bun:test";
import { fromRecord, toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import { aProfile } from "./profiles.ts";

describe("a profile as a record", () => {
  test("comes back as it was, with labels of any text", () => {
    const labels = { __name__: "mutex", service_name: 'a "b" ✓\u2028', constructor: "1" };
    const profile = aProfile({ labels, timeMs: 1000, scrapedAtMs: 1000.5, values: [1, 2] });
    expect(fromRecord(toRecord(profile))).toEqual(profile);
  });

  test.each(["", "no JSON", "{}", '{"id":1,"labels":[],"info":{},"scrapedAtMs":0}'])(
    "is refused where it says %p",
    (text) => {
      expect(() => fromRecord({ meta: new TextEncoder().encode(text), data: new Uint8Array(1) })).toThrow();
    },
  );
});
