import { expect, test } from "bun:test";
import { isThisMachine } from "../../src/base/this-machine.ts";

test.each([
  ["unix:///run/app.sock", true],
  ["http://localhost:6060/debug", true],
  ["http://LOCALHOST./", true],
  ["http://app.localhost", true],
  ["http://127.0.0.1:6060", true],
  ["http://127.0.0.2", true],
  ["http://127.1", true],
  ["http://0.0.0.0:1", true],
  ["https://[::1]:1", true],
  ["http://[::]:1", true],
  ["http://[::ffff:127.0.0.1]", true],
  ["http://[::ffff:0.0.0.0]", true],
  ["http://10.0.0.1", false],
  ["http://128.0.0.1", false],
  ["http://[::2]", false],
  ["http://[::ffff:10.0.0.1]", false],
  ["http://localhost.example.com", false],
  ["http://127.0.0.1.example.com", false],
  ["no URL", false],
])("whether %s is on this machine: %p", (url, expected) => {
  expect(isThisMachine(url)).toBe(expected);
});
