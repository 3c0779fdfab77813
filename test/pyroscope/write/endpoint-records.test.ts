import { describe, expect, test } from "bun:test";
import { limits } from "../../../src/base/index.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import type { PushOutcome } from "../../../src/pyroscope/write/push-outcome.ts";
import type { PushOptions } from "../../../src/pyroscope/write/pusher.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { anEndpoint, held, ids, refused, sent, leftBehind } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const outage = { queue: { durability: "outage" } };

describe("records of an earlier process", () => {
  test("are delivered oldest first", async () => {
    const { clock, spool } = leftBehind(60_000, 30_000, 20_000);
    const { attempts, stop } = anEndpoint(() => sent, { queue: { max_in_flight: 1 } }, { clock, spool });
    await clock.advance(0);
    expect(ids(attempts)).toEqual(["left 1", "left 2", "left 3"]);
    expect(spool.owners()).toEqual([]);
    await stop();
  });

  test("are delivered beside what comes in, which goes first", async () => {
    const server = held();
    const { clock, spool } = leftBehind(...Array.from({ length: 5 }, () => 60_000));
    const queue = { max_in_flight: 3 };
    const { attempts, append, stop } = anEndpoint(server.answer, { queue }, { clock, spool });
    append("a", "b", "c", "d", "e");
    await settle();
    expect(ids(attempts)).toEqual(["a", "b", "c"]);
    await server.release(sent, 1);
    expect(ids(attempts).at(-1)).toBe("left 1");
    await server.release(sent, 2);
    expect(ids(attempts).slice(4)).toEqual(["d", "e"]);
    for (let count = 0; count < 5; count++) await server.release(sent);
    expect(spool.owners()).toEqual([]);
    await stop();
  });

  test("that are too old, or of an age that nobody knows, are counted and dropped", async () => {
    const { clock, spool } = leftBehind("unknown", 51 * 60_000, 49 * 60_000);
    const { attempts, dropped, log, stop } = anEndpoint(() => sent, outage, { clock, spool });
    await settle();
    expect(ids(attempts)).toEqual(["left 3"]);
    expect([await dropped("unknown_age"), await dropped("too_old")]).toEqual([1, 1]);
    expect(log.lines.filter(({ message }) => message === "Profile dropped").map(({ fields }) => fields)).toMatchObject([
      { reason: "unknown_age", bytes: expect.any(Number) },
      { reason: "too_old" },
    ]);
    await stop();
  });

  test("whose age is not known yet are sent when it is", async () => {
    const { clock, spool } = leftBehind("not_yet", "not_yet");
    const { attempts, stop } = anEndpoint(() => sent, outage, { clock, spool });
    await clock.advance(60_000);
    expect(attempts).toEqual([]);
    spool.setAge(1, 60_000);
    spool.setAge(2, 60_000);
    await clock.advance(writeLimits.clockCheckMs);
    expect(ids(attempts)).toEqual(["left 1", "left 2"]);
    await stop();
  });

  describe("in an earlier run of the machine", () => {
    const beforeBoot = { owners: ["main"], age: 60_000, earlierBoot: true };
    const setting = (skewMs: () => number | undefined) => {
      const clock = new FakeClock();
      const spool = createMemorySpoolLog(clock);
      const shown: Pick<PushOptions, "shiftMs" | "ofEarlierBoot">[] = [];
      for (const id of ["left 1", "left 2"]) spool.leave(toRecord(aProfile({ id })), beforeBoot);
      const answer = (_: unknown, __: number, { signal: ___, ...options }: PushOptions): PushOutcome => {
        shown.push(options);
        return sent;
      };
      return { ...anEndpoint(answer, outage, { clock, spool, skewMs }), shown };
    };

    test("are sent with their own time once the server's clock says that this machine's is right", async () => {
      let skewMs: number | undefined;
      const { clock, attempts, shown, stop } = setting(() => skewMs);
      await clock.advance(writeLimits.clockSettingMs / 2);
      expect(attempts).toEqual([]);
      skewMs = 3 * 86_400_000;
      await clock.advance(60_000);
      expect(attempts).toEqual([]);
      skewMs = -2000;
      await clock.advance(writeLimits.clockCheckMs);
      expect(ids(attempts)).toEqual(["left 1", "left 2"]);
      expect(shown).toEqual([{ ofEarlierBoot: true }, { ofEarlierBoot: true }]);
      await stop();
    });

    test("are counted and dropped where the machine's clock stays wrong", async () => {
      const { clock, attempts, dropped, stop } = setting(() => limits.clockToleranceMs + 1000);
      await clock.advance(writeLimits.clockSettingMs - 1);
      expect(await dropped("unknown_age")).toBe(0);
      await clock.advance(writeLimits.clockCheckMs);
      expect([attempts, await dropped("unknown_age")]).toEqual([[], 2]);
      await stop();
    });

    test("are tried where nothing has told the server's time for long", async () => {
      const { clock, attempts, stop } = setting(() => undefined);
      await clock.advance(writeLimits.clockSettingMs + writeLimits.clockCheckMs);
      expect(ids(attempts)).toEqual(["left 1", "left 2"]);
      await stop();
    });
  });

  test("that cannot be read back are counted once, and delay no other", async () => {
    const { clock, spool } = leftBehind(60_000, 30_000);
    spool.damage(1);
    const { attempts, dropped, stop } = anEndpoint(() => sent, outage, { clock, spool });
    await settle();
    expect([ids(attempts), await dropped("spool_damaged")]).toEqual([["left 2"], 1]);
    await stop();
  });

  test("that hold no profile are counted and dropped", async () => {
    const { clock, spool } = leftBehind();
    const strange = { meta: new TextEncoder().encode("{}"), data: new Uint8Array(3) };
    spool.leave(strange, { owners: ["main"], age: 0 });
    const { dropped, stop } = anEndpoint(() => sent, outage, { clock, spool });
    await settle();
    expect([await dropped("spool_damaged"), spool.owners()]).toEqual([1, []]);
    await stop();
  });

  test("tell by how much the clock was wrong when they were queued", async () => {
    const shifts: (number | undefined)[] = [];
    const clock = new FakeClock(0);
    const spool = createMemorySpoolLog(clock);
    const answer = (_: unknown, attempt: number, { shiftMs }: { readonly shiftMs?: number }): PushOutcome => {
      shifts.push(shiftMs);
      return attempt <= 2 ? refused : sent;
    };
    const { append, stop } = anEndpoint(answer, outage, { clock, spool });
    append("on disk");
    await clock.advance(500);
    clock.suspend(20_000);
    clock.jumpWall(1_000_000);
    append("right");
    await clock.advance(5000);
    expect(shifts).toEqual([0, 1_000_000, 1_000_000, 0].slice(0, shifts.length));
    expect(shifts).toHaveLength(4);
    await stop();
  });
});
