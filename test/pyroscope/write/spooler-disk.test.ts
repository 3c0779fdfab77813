import { cpSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "bun:test";
import { systemClock } from "../../../src/base/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { createSpoolMetrics } from "../../../src/pyroscope/write/metrics.ts";
import { Spooler } from "../../../src/pyroscope/write/spooler.ts";
import type { DataDirectory } from "../../../src/storage/index.ts";
import { directoryAt, freshPath } from "../../storage/a-directory.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { aProfile } from "./profiles.ts";

const options = { maxBytes: 64 * 1024 ** 2, onLost: () => {} };

function onDisk() {
  const path = freshPath();
  const directory = directoryAt(path);
  return { path, directory, spooler: spoolerOf(directory) };
}

function spoolerOf(directory: DataDirectory): Spooler {
  return new Spooler({
    clock: systemClock,
    log: createMemoryLog(),
    metrics: createSpoolMetrics(createMetrics(), { component_id: "w" }),
    spoolLog: () => directory.spoolLog("w", options),
    needed: () => true,
  });
}

/** What an agent finds that starts with the files as they are now. */
async function ownersNow(path: string): Promise<readonly string[]> {
  const copy = freshPath();
  cpSync(path, copy, { recursive: true, filter: (file) => basename(file) !== "lock" });
  const directory = directoryAt(copy);
  const log = directory.spoolLog("w", options);
  await log.open();
  const owners = log.owners();
  await directory.close();
  return owners;
}

test("a profile is on disk for the second endpoint too once that was promised", async () => {
  const { path, directory, spooler } = onDisk();
  await spooler.open();
  const profile = aProfile();
  await spooler.write(profile, "a");
  expect(await ownersNow(path)).toEqual(["a"]);
  await spooler.write(profile, "b");
  expect(await ownersNow(path)).toEqual(["a", "b"]);
  await spooler.close();
  await directory.close();
});

test("a spooler that is closed before its log was open leaves no log open", async () => {
  const { path, directory, spooler } = onDisk();
  await spooler.open();
  await spooler.write(aProfile(), "a");
  await spooler.close();
  const again = spoolerOf(directory);
  void again.open();
  await again.close();
  expect(await directory.closedSpools()).toEqual(["w"]);
  expect(await ownersNow(path)).toEqual(["a"]);
  await directory.close();
});
