import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytes, directoryAt, openLog, wanted } from "./a-directory.ts";

// A real file system of 2 MiB; only root may mount one, and only on Linux.
const mountPoint = mkdtempSync(join(tmpdir(), "full-disk-"));
const isMounted =
  process.platform === "linux" &&
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", mountPoint]).status === 0;
afterAll(() => {
  if (isMounted) spawnSync("umount", ["-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});
const remount = (mode: "ro" | "rw"): number | null => spawnSync("mount", ["-o", `remount,${mode}`, mountPoint]).status;

const needsRoot = isMounted ? "" : " (skipped: only root may mount a file system)";

describe.skipIf(!isMounted)(`A log on a full disk${needsRoot}`, () => {
  test("refuses what has no room, keeps the rest, and works again once there is room", async () => {
    const path = join(mountPoint, "full");
    const { log, directory, files } = await openLog({ path });
    const append = async (size: number): Promise<number> => {
      const appended = log.append({ meta: bytes(""), data: new Uint8Array(size).fill(7) }, ["a"]);
      appended.catch(() => {});
      await log.flush().catch(() => {});
      return appended;
    };
    for (let index = 0; index < 5; index++) await append(100_000);
    const filler = join(mountPoint, "filler");
    const size = 1_400_000;
    writeFileSync(filler, new Uint8Array(size));
    await expect(append(400_000)).rejects.toMatchObject({ reason: "disk_full" });
    const { problem, bytes: before } = log.snapshot();
    expect(problem?.reason).toBe("disk_full");
    expect(problem?.message).toContain("the disk is full; make room on it");
    // Nothing of what was refused is left.
    expect(readdirSync(files).reduce((sum, name) => sum + statSync(join(files, name)).size, 0)).toBe(before);
    rmSync(filler);
    const number = await append(400_000);
    expect(log.snapshot().problem).toBeUndefined();
    expect(wanted(log)).toEqual([1, 2, 3, 4, 5, number]);
    await directory.close();
    const again = await openLog({ path });
    expect(wanted(again.log)).toEqual([1, 2, 3, 4, 5, number]);
    expect((await again.log.read(number)).data).toEqual(new Uint8Array(400_000).fill(7));
    expect(again.directory.log.lines).toEqual([]);
    for (const one of wanted(again.log)) again.log.settle(one, "a");
    await again.directory.close();
  });

  test("deletes what was settled though the disk is full", async () => {
    const path = join(mountPoint, "settled");
    const { log, directory, append, files } = await openLog({ path });
    const number = await append("1");
    const filler = join(mountPoint, "filler");
    const fill = (): void => writeFileSync(filler, new Uint8Array(3_000_000));
    expect(fill).toThrow();
    await expect(directory.save("x", [new Uint8Array(10_000)])).rejects.toMatchObject({ reason: "disk_full" });
    expect(directory.problem?.reason).toBe("disk_full");
    log.settle(number, "a");
    await directory.close();
    expect(readdirSync(files)).toEqual([]);
    rmSync(filler);
  });

  test("says that the file system is read-only", async () => {
    const path = join(mountPoint, "read-only");
    const before = directoryAt(path);
    await before.save("x", [bytes("1")]);
    await before.close();
    expect(remount("ro")).toBe(0);
    const directory = directoryAt(path);
    await expect(directory.save("x", [])).rejects.toMatchObject({ reason: "read_only" });
    expect(directory.problem?.message).toBe(
      `Cannot use the data directory "${path}": the file system is read-only; mount it writable, or set another storage.path`,
    );
    expect(remount("rw")).toBe(0);
    await directory.close();
  });
});
