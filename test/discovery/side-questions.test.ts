import { describe, expect, test } from "bun:test";
import { errorMessage } from "../../src/base/index.ts";
import { SideQuestions } from "../../src/discovery/side-questions.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

/** Never answers. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

function asking() {
  const clock = new FakeClock();
  const stop = new AbortController();
  const questions = new SideQuestions<string>();
  const asked: string[] = [];
  const ask = (about: string, signal: AbortSignal): Promise<string> => {
    asked.push(about);
    if (about.startsWith("silent")) return silence(signal);
    return about.startsWith("bad") ? Promise.reject(new Error(`no ${about}`)) : Promise.resolve(`it is ${about}`);
  };
  const askAll = (about: readonly string[]): Promise<readonly unknown[]> =>
    questions.ask(about, { ask, clock, timeoutMs: 1000, signal: stop.signal });
  return { clock, stop, questions, asked, askAll };
}

const silent = Array.from({ length: 16 }, (_, index) => `silent-${index}`);

describe("Side questions", () => {
  test("cost nobody else the answer where one is not answered, or wrongly", async () => {
    const { clock, questions, askAll } = asking();
    const ended = askAll(["silent", "a", "bad", "b", "a"]);
    await settle();
    expect(Object.fromEntries(questions.answers)).toEqual({ a: "it is a", b: "it is b" });
    await clock.advance(1000);
    expect((await ended).map(errorMessage)).toEqual(["no bad", "No answer within the 1s for all of them"]);
    questions.keepOnly(["b", "c"]);
    expect([...questions.answers.keys()]).toEqual(["b"]);
  });

  test("ask last of what was not answered before, so that everybody has their turn", async () => {
    const { clock, questions, asked, askAll } = asking();
    const first = askAll([...silent, "a"]);
    await clock.advance(1000);
    expect(await first).toHaveLength(17);
    expect(asked).toEqual(silent);
    void askAll([...silent, "a", "b"]);
    await settle();
    expect([...questions.answers.keys()].sort()).toEqual(["b"]);
    await clock.advance(1000);
  });

  test("end at once, with the reason, where the look is stopped", async () => {
    const { stop, asked, askAll } = asking();
    const ended = askAll([...silent, "a"]).catch(errorMessage);
    await settle();
    stop.abort(new Error("stopped"));
    expect(await ended).toBe("stopped");
    expect(asked).toEqual(silent);
  });
});
