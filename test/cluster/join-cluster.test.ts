import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { urlFromElsewhere } from "../../src/join-cluster.ts";

describe("The URL that an agent tells the other members", () => {
  test.each([
    ["0.0.0.0", `http://${hostname()}:12345/`],
    ["::", `http://${hostname()}:12345/`],
    ["10.0.0.7", "http://10.0.0.7:12345/"],
    ["fd00::7", "http://[fd00::7]:12345/"],
    ["127.0.0.1", ""],
    ["127.1.2.3", ""],
    ["::1", ""],
    ["localhost", ""],
  ])("of an agent that listens on %s is %p", (listens, url) => {
    expect(urlFromElsewhere({ hostname: listens, port: 12345 })).toBe(url);
  });
});
