import { expect, test } from "bun:test";
import { uptime } from "node:os";
import process from "node:process";
import { systemBootClock } from "../../src/base/boot-clock.ts";

test("The boot clock goes with the system's, and finer", () => {
  const [one, other] = [systemBootClock(), systemBootClock()];
  expect(Math.abs(one.nowMs() - uptime() * 1000)).toBeLessThan(1500);
  const first = one.nowMs();
  expect(other.nowMs() - first).toBeWithin(-20, 200);
  expect(one.nowMs()).toBeGreaterThanOrEqual(first);
  expect(one.id).toBe(other.id);
  if (process.platform === "linux") expect(one.id).toMatch(/^[0-9a-f-]{36}$/);
});
