import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { watchLeaks } from "./leaks.ts";

test("watchLeaks() names an open server, child process and timer by the line that opened it, until they end", async () => {
  const leaks = watchLeaks();

  const server = createServer().listen(0);
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
  const timer = setTimeout(() => {}, 60_000);
  const repeated = setInterval(() => {}, 60_000);
  expect(leaks().map((leak) => leak.replace(/, opened .*leaks\.test\.ts.*/, " from here"))).toEqual([
    "A server that listens from here",
    "A child process from here",
    "A timer from here",
    "A timer that repeats from here",
  ]);

  clearTimeout(timer);
  clearInterval(repeated);
  child.kill();
  await once(child, "exit");
  await new Promise((resolve) => server.close(resolve));
  expect(leaks()).toEqual([]);
});

test("watchLeaks() does not report a timer that fired or was let go", async () => {
  const leaks = watchLeaks();
  setTimeout(() => {}, 60_000).unref();
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  expect(leaks()).toEqual([]);
});
