import { expect, test } from "bun:test";
import process from "node:process";
import { catchHangups } from "../../src/cli/signals.ts";

test("A SIGHUP before the agent runs is remembered, one after it stops is ignored", async () => {
  const before = process.listeners("SIGHUP");
  const trigger = catchHangups();
  const [hangUp] = process.listeners("SIGHUP").filter((listener) => !before.includes(listener)) as [() => void];
  try {
    hangUp();
    hangUp();
    const reloads: string[] = [];
    const stop = new AbortController();
    const ended = trigger(async (why) => void reloads.push(why), stop.signal);
    expect(reloads).toEqual(["SIGHUP"]);
    hangUp();
    expect(reloads).toEqual(["SIGHUP", "SIGHUP"]);
    stop.abort();
    await ended;
    hangUp();
    expect(reloads).toHaveLength(2);
  } finally {
    process.off("SIGHUP", hangUp);
  }
});
