import { describe, expect, test } from "bun:test";
import { type Clock, sleep, systemClock, type Timer } from "../../src/base/index.ts";
import { FakeClock } from "../support/fake-clock.ts";

describe("sleep()", () => {
  test("resolves when its time has come and not before", async () => {
    const clock = new FakeClock();
    let awake = false;
    const sleeping = sleep(clock, 1000).then(() => {
      awake = true;
    });
    await clock.advance(999);
    expect(awake).toBe(false);
    await clock.advance(1);
    expect(awake).toBe(true);
    await sleeping;
  });

  test("rejects with the signal's reason as soon as it aborts, and cancels its timer", async () => {
    const cancelled: number[] = [];
    const clock = clockThatNotes(cancelled);
    const abort = new AbortController();
    const sleeping = sleep(clock, 1000, abort.signal);
    abort.abort(new Error("Enough"));
    await expect(sleeping).rejects.toThrow("Enough");
    expect(cancelled).toEqual([1000]);
  });

  test("rejects at once where the signal has aborted before", async () => {
    await expect(sleep(new FakeClock(), 1000, AbortSignal.abort(new Error("Too late")))).rejects.toThrow("Too late");
  });
});

describe("systemClock", () => {
  test("calls back once, after at least the delay, by its own monotonic time", async () => {
    const before = systemClock.monotonic();
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(4);
  });

  test("does not call back once cancelled, and takes a second cancel", async () => {
    let called = false;
    const timer = systemClock.after(-1, () => {
      called = true;
    });
    timer.cancel();
    timer.cancel();
    await new Promise<void>((resolve) => systemClock.after(2, resolve));
    expect(called).toBe(false);
  });

  test("does not fire at once for a delay beyond 32 bits", async () => {
    let called = false;
    const timer = systemClock.after(2 ** 31 + 1000, () => {
      called = true;
    });
    await new Promise<void>((resolve) => systemClock.after(2, resolve));
    timer.cancel();
    expect(called).toBe(false);
  });
});

function clockThatNotes(cancelled: number[]): Clock {
  return {
    now: () => 0,
    monotonic: () => 0,
    uptime: () => 0,
    after: (delayMs): Timer => ({ cancel: () => cancelled.push(delayMs) }),
  };
}
