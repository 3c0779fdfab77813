import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createPusher } from "../../../src/pyroscope/write/pusher.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { connectError, htmlPage, type PushServer, startPushServer } from "../../support/push-server.ts";
import { endpointArguments } from "./endpoint-arguments.ts";
import { aProfile, type ProfileSketch } from "./profiles.ts";

/** A server whose clock is right, and boxes whose clock is not. */

const { signal } = new AbortController();
const hourMs = 3_600_000;
let server: PushServer;
beforeAll(async () => {
  server = await startPushServer();
});
beforeEach(() => {
  server.replyWith(undefined);
  server.clear();
});
afterAll(() => server.close());

/** A box whose clock is `aheadMs` ahead of the true time. */
function aBox(aheadMs: number) {
  const clock = new FakeClock(Date.now() + aheadMs);
  const log = createMemoryLog();
  const pusher = createPusher(endpointArguments({ url: server.url, name: "main" }), { clock, userAgent: "test", log });
  /** A profile as this box has scraped it just now, unless the sketch says otherwise. */
  const profile = (sketch: ProfileSketch = {}) =>
    aProfile({ timeMs: clock.now(), scrapedAtMs: clock.now(), ...sketch });
  const push = (sketch: ProfileSketch = {}, shiftMs = 0) => pusher.push(profile(sketch), { signal, shiftMs });
  return { clock, log, pusher, profile, push };
}

/** How far the times of the profiles that the server took are from the true time now, in seconds. */
const offBy = (): number[] =>
  server.accepted.map(({ profile }) =>
    Math.abs(Math.round(Number(profile.timeNanos / 1_000_000n) - Date.now()) / 1000),
  );
const replyWithDate = (date: Date): void =>
  server.replyWith(() => ({
    status: 200,
    headers: { "content-type": "application/proto", date: date.toUTCString() },
  }));

describe("a box whose clock", () => {
  const wrong: [title: string, aheadMs: number][] = [
    ["starts in 1970", 300_000 - Date.now()],
    ["is a day ahead", 24 * hourMs],
    ["is two hours behind", -2 * hourMs],
  ];
  test.each(wrong)(
    "%s delivers its profiles with their true time, the first one at the second attempt",
    async (_, aheadMs) => {
      const { push, pusher, log } = aBox(aheadMs);
      expect(await push()).toEqual({ outcome: "sent" });
      expect(server.counts).toEqual({ requests: 2, accepted: 1, rejected: 1 });
      expect(await push()).toEqual({ outcome: "sent" });
      expect(server.counts.requests).toBe(3);
      for (const seconds of offBy()) expect(seconds).toBeLessThan(3);
      const skewMs = pusher.clockSkewMs() ?? 0;
      expect(Math.abs(skewMs % 1000)).toBe(0);
      expect(Math.abs(skewMs + aheadMs)).toBeLessThan(2000);
      expect(log.messages("warn")).toHaveLength(1);
      expect(log.lines[0]?.fields).toMatchObject({
        endpoint: "main",
        this_box: expect.stringMatching(aheadMs > 0 ? / ahead$/ : / behind$/),
      });
    },
  );

  test("is half an hour behind has what the server takes corrected from the second profile on", async () => {
    const { push } = aBox(-hourMs / 2);
    await push();
    await push();
    expect(server.counts).toEqual({ requests: 2, accepted: 2, rejected: 0 });
    expect(offBy()[0]).toBeGreaterThan(1700);
    expect(offBy()[1]).toBeLessThan(3);
  });

  test("was set since a profile was queued sends it with the time by the new clock", async () => {
    const { clock, profile, pusher } = aBox(300_000 - Date.now());
    const queued = profile();
    const setByMs = Date.now() - 300_000;
    clock.jumpWall(Date.now() - clock.now());
    expect(await pusher.push(queued, { signal, shiftMs: setByMs })).toEqual({ outcome: "sent" });
    expect(server.counts.requests).toBe(1);
    expect(offBy()[0]).toBeLessThan(400);
  });

  test("is set while the agent runs needs no further answer for the difference to be gone", async () => {
    const { clock, push, pusher, log } = aBox(-2 * hourMs);
    await push();
    clock.jumpWall(2 * hourMs);
    expect(Math.abs(pusher.clockSkewMs() ?? Number.NaN)).toBeLessThan(2000);
    await push();
    expect(offBy()[1]).toBeLessThan(3);
    expect(log.messages("info")).toEqual(["The clocks of the server and of this box agree again"]);
  });

  test("was suspended for two hours agrees with the server's as it did before", async () => {
    const { clock, log, push, pusher } = aBox(0);
    const answers = async (count: number): Promise<void> => {
      for (let answer = 0; answer < count; answer++) {
        replyWithDate(new Date(clock.now()));
        await push();
        expect(Math.abs(pusher.clockSkewMs() ?? Number.NaN)).toBeLessThan(2000);
      }
    };
    await answers(5);
    clock.suspend(2 * hourMs);
    expect(Math.abs(pusher.clockSkewMs() ?? Number.NaN)).toBeLessThan(2000);
    await answers(2);
    expect(log.lines).toEqual([]);
  });

  test("agrees with the server's leaves profiles alone, byte for byte", async () => {
    const { profile, pusher, log } = aBox(30_000);
    for (const timeMs of [0, Date.now()]) {
      const each = profile({ timeMs });
      await pusher.push(each, { signal, shiftMs: -20_000 });
      expect(server.accepted.at(-1)?.bytes).toEqual(each.data);
    }
    expect(log.lines).toEqual([]);
  });
});

describe("a profile of a target with a clock of its own", () => {
  test.each([-540_000, -120_000, 120_000, 540_000])(
    "that is right is left alone on a box whose clock is off by %d ms",
    async (aheadMs) => {
      const { push } = aBox(aheadMs);
      await push();
      server.clear();
      await push({ timeMs: Date.now() });
      expect(offBy()[0]).toBeLessThan(3);
      // One of the box's own clock is corrected at the same time.
      await push();
      expect(offBy()[1]).toBeLessThan(3);
    },
  );

  test("is left alone on a box whose clock is wrong", async () => {
    const { push } = aBox(-24 * hourMs);
    await push();
    await push({ timeMs: Date.now() - 700_000 });
    expect(offBy()[1]).toBeGreaterThan(650);
  });

  test("that is wrong is refused once, and the words say whose clock it is", async () => {
    const { clock, push } = aBox(0);
    const outcome = await push({ timeMs: clock.now() - 3 * hourMs });
    expect(server.counts.requests).toBe(1);
    expect(outcome).toMatchObject({ outcome: "rejected", reason: "invalid" });
    expect((outcome as { message: string }).message).toEndWith(
      "the profile's time was 3 h behind this box's clock when it was scraped: check the clock of its target",
    );
  });
});

describe("a profile of an earlier run of the machine", () => {
  test("keeps its time, whatever the clock of this run is wrong by", async () => {
    const { profile, push, pusher } = aBox(-hourMs / 2);
    await push();
    const left = profile();
    expect(await pusher.push(left, { signal, ofEarlierBoot: true })).toEqual({ outcome: "sent" });
    expect(server.accepted.at(-1)?.bytes).toEqual(left.data);
  });
});

describe("a profile that the server finds outside of its window", () => {
  test("and that an earlier run of the machine left is given up as one whose age nobody knows", async () => {
    const { profile, pusher } = aBox(-72 * hourMs);
    expect(await pusher.push(profile(), { signal, ofEarlierBoot: true })).toMatchObject({
      outcome: "rejected",
      reason: "unknown_age",
    });
    expect(server.counts).toEqual({ requests: 1, accepted: 0, rejected: 1 });
  });

  test("is not tried again where the clocks agree", async () => {
    const { clock, push } = aBox(0);
    const longAgoMs = clock.now() - 2 * hourMs;
    expect(await push({ timeMs: longAgoMs, scrapedAtMs: longAgoMs })).toMatchObject({ reason: "invalid" });
    expect(server.counts.requests).toBe(1);
  });

  test("is tried again once and no more, with another time each", async () => {
    server.replyWith(connectError("invalid_argument", "profile with labels '{}' is outside of ingestion window"));
    const { push } = aBox(-24 * hourMs);
    expect(await push()).toMatchObject({ outcome: "rejected" });
    // And then once with the time by this box's clock.
    const outcome = await push();
    expect(outcome).toMatchObject({ outcome: "rejected" });
    expect((outcome as { message: string }).message).toContain("the agent had moved the profile's time 24 h ahead");
    expect(server.counts.requests).toBe(4);
  });
});

describe("a proxy that puts a wrong date on the answers", () => {
  const wrong = (): string => new Date(Date.now() + 3 * hourMs).toUTCString();
  const refusal = () =>
    connectError("invalid_argument", "profile with labels '{}' is outside of ingestion window", {
      headers: { date: wrong() },
    });
  const taken = () => ({ status: 200, headers: { "content-type": "application/proto", date: wrong() } });

  test("is found out by the first refusal, costs no profile, and is believed no more", async () => {
    const { push, pusher, log } = aBox(0);
    const answers = [taken, refusal, taken, taken, taken];
    server.replyWith(() => (answers.shift() ?? taken)());
    for (const requests of [1, 3, 4, 5]) {
      expect(await push()).toEqual({ outcome: "sent" });
      expect(server.counts.requests).toBe(requests);
    }
    expect(pusher.clockSkewMs()).toBeUndefined();
    const [differ = "", ...others] = log.messages("warn");
    expect(differ).toStartWith("The clocks of the server and of this box differ");
    expect(others).toEqual([expect.stringMatching(/^The time that the server's answers tell is wrong.* proxy/)]);
  });

  test("is believed again once the clocks agree", async () => {
    const { push, pusher, log } = aBox(0);
    const answers = [taken, refusal, taken];
    server.replyWith(() => answers.shift()?.());
    for (let profiles = 0; profiles < 6; profiles++) expect(await push()).toEqual({ outcome: "sent" });
    expect(Math.abs(pusher.clockSkewMs() ?? Number.NaN)).toBeLessThan(2000);
    expect(log.messages("info")).toEqual(["The clocks of the server and of this box agree again"]);
  });

  test("is not suspected where a profile has waited for longer than a server takes it", async () => {
    const { clock, push, log } = aBox(2 * hourMs);
    await push();
    server.clear();
    const longAgoMs = clock.now() - 1.5 * hourMs;
    expect(await push({ timeMs: longAgoMs, scrapedAtMs: longAgoMs })).toMatchObject({ reason: "invalid" });
    expect(server.counts.requests).toBe(1);
    expect(log.messages("warn")).toHaveLength(1);
  });
});

describe("the clock of a server", () => {
  test("is unknown until an answer tells the time", async () => {
    const { pusher, push } = aBox(0);
    expect(pusher.clockSkewMs()).toBeUndefined();
    server.replyWith({ status: 503, headers: { date: "soon" }, body: '{"code":"unavailable","message":""}' });
    await push();
    expect(pusher.clockSkewMs()).toBeUndefined();
  });

  test("is told by errors of the server, but not by what answers in its place", async () => {
    const { pusher, push } = aBox(-2 * hourMs);
    server.replyWith(htmlPage(503, { date: "Thu, 01 Jan 1970 00:01:00 GMT" }));
    await push();
    expect(pusher.clockSkewMs()).toBeUndefined();
    server.replyWith(connectError("unauthenticated", "no org id"));
    await push();
    expect(Math.abs((pusher.clockSkewMs() ?? 0) - 2 * hourMs)).toBeLessThan(2000);
  });

  test("is the one in the middle of the last five answers", async () => {
    const { clock, pusher, push } = aBox(0);
    const seen: number[] = [];
    for (const skewMs of [0, 0, 0, hourMs, hourMs, hourMs]) {
      replyWithDate(new Date(clock.now() + skewMs));
      await push({ timeMs: 0 });
      seen.push(Math.round(Math.abs(pusher.clockSkewMs() ?? 0) / hourMs));
    }
    expect(seen).toEqual([0, 0, 0, 0, 0, 1]);
  });
});
