import { describe, expect, test } from "bun:test";
import { LateTargets } from "../../src/component/late-binding.ts";
import { TargetInputs } from "../../src/component/target-inputs.ts";
import { labelsOf, type Target, type TargetSource } from "../../src/model/index.ts";
import { FakeClock } from "../support/fake-clock.ts";

const target = labelsOf({ __address__: "a:1" });

/** A source that has not looked until `found` is called. */
function aSource(): TargetSource & {
  readonly found: (targets: readonly Target[]) => void;
  readonly listeners: number;
} {
  const listeners = new Set<() => void>();
  let now: readonly Target[] = [];
  return {
    current: () => now,
    subscribe: (listener) => (listeners.add(listener), () => void listeners.delete(listener)),
    found(targets) {
      now = targets;
      for (const listener of listeners) listener();
    },
    get listeners() {
      return listeners.size;
    },
  };
}

function lateSource() {
  const late = new LateTargets();
  const behind = aSource();
  return { late, behind, bind: () => late.bind(behind) };
}

function setUp() {
  const clock = new FakeClock();
  let changes = 0;
  const inputs = new TargetInputs({ clock, changed: () => changes++ });
  return { clock, inputs, changes: () => changes };
}

describe("The source behind a reference", () => {
  test("has answered when it has targets or has told of a change, and not while nothing is behind it", () => {
    const { late, behind, bind } = lateSource();
    expect(late.hasAnswered).toBe(false);
    bind();
    expect(late.hasAnswered).toBe(false);
    behind.found([]);
    expect(late.hasAnswered).toBe(true);
    late.bind(undefined);
    expect(late.hasAnswered).toBe(false);
    const other = aSource();
    other.found([target]);
    late.bind(other);
    expect(late.hasAnswered).toBe(true);
  });

  test("says what the source itself says", () => {
    const late = new LateTargets();
    late.bind({ ...aSource(), hasAnswered: false, current: () => [target] });
    expect(late.hasAnswered).toBe(false);
  });
});

describe("The targets that a component takes", () => {
  test("are complete at the start, whatever has answered", () => {
    const { inputs, clock } = setUp();
    inputs.connect([lateSource().late]);
    expect([inputs.isComplete, clock.pending]).toEqual([true, 0]);
  });

  test("are incomplete after a reload until what is new has answered, and a moment more", async () => {
    const { inputs, clock, changes } = setUp();
    const [old, fresh] = [lateSource(), lateSource()];
    inputs.connect([old.late]);
    inputs.connect([fresh.late]);
    old.behind.found([target]);
    fresh.bind();
    expect([inputs.isComplete, changes()]).toEqual([false, 1]);
    await clock.advance(3000);
    fresh.behind.found([target]);
    await clock.advance(1000);
    expect([inputs.isComplete, changes()]).toEqual([false, 2]);
    await clock.advance(500);
    expect([inputs.isComplete, changes(), clock.pending]).toEqual([true, 3, 0]);
  });

  test("are complete after 5 s although what is new has not answered, also where another reload came between", async () => {
    const { inputs, clock, changes } = setUp();
    const fresh = lateSource();
    inputs.connect([]);
    inputs.connect([fresh.late]);
    await clock.advance(4000);
    inputs.connect([fresh.late]);
    await clock.advance(4000);
    expect([inputs.isComplete, changes()]).toEqual([false, 0]);
    await clock.advance(1000);
    expect([inputs.isComplete, changes()]).toEqual([true, 1]);
  });

  test("are complete 1.5 s after what is new has told that it has none", async () => {
    const { inputs, clock } = setUp();
    const [late, source] = [new LateTargets(), aSource()];
    let hasAnswered = false;
    late.bind({
      current: () => source.current(),
      subscribe: (listener) => source.subscribe(listener),
      get hasAnswered() {
        return hasAnswered;
      },
    });
    inputs.connect([]);
    inputs.connect([late]);
    hasAnswered = true;
    source.found([]);
    await clock.advance(1499);
    expect(inputs.isComplete).toBe(false);
    await clock.advance(1);
    expect(inputs.isComplete).toBe(true);
  });

  test("are not waited for where a reload refers to what has answered, or to the same again", () => {
    const { inputs } = setUp();
    const [silent, known] = [lateSource(), lateSource()];
    known.bind();
    known.behind.found([target]);
    inputs.connect([silent.late]);
    inputs.connect([silent.late, known.late]);
    expect(inputs.isComplete).toBe(true);
  });

  test("leave nothing behind", () => {
    const { inputs, clock, changes } = setUp();
    const source = aSource();
    inputs.connect([source]);
    inputs.connect([source, lateSource().late]);
    inputs.close();
    source.found([target]);
    expect([source.listeners, clock.pending, changes()]).toEqual([0, 0, 0]);
  });
});
