import { describe, expect, test } from "bun:test";
import { isLoopback, namesLoopback } from "../../src/server/loopback.ts";

describe("isLoopback()", () => {
  test.each([
    "127.0.0.1",
    "127.255.3.4",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:127.9.9.9",
  ])("takes %s for this machine", (address) => expect(isLoopback(address)).toBe(true));

  test.each([
    "10.0.0.1",
    "0.0.0.0",
    "::",
    "::2",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "fe80::1",
    "127.0.0.1.example",
    "localhost",
    "",
  ])("takes %p for another", (address) => expect(isLoopback(address)).toBe(false));
});

describe("namesLoopback()", () => {
  test.each([
    "localhost",
    "LOCALHOST:12345",
    "127.0.0.1",
    "127.0.0.1:12345",
    "[::1]",
    "[::1]:12345",
    "[::ffff:127.0.0.1]:1",
  ])("takes the Host %s for this machine", (host) => expect(namesLoopback(host)).toBe(true));

  test.each([
    "",
    "evil.example",
    "evil.example:12345",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.1",
    "10.0.0.1:12345",
    "[::2]:12345",
    "::1",
    "localhost:12345@evil.example",
    "user@localhost",
  ])("takes the Host %p for another", (host) => expect(namesLoopback(host)).toBe(false));
});
