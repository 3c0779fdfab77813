import {
  addCustomEqualityTesters,
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  type ExpectStatic,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from "@vitest/expect";

/** Matchers that Bun has and Jest has not. */
const ownMatchers = {
  toBeWithin: (value: number, from: number, below: number) =>
    verdict(value >= from && value < below, `${value} is in [${from}, ${below})`),
  toStartWith: (text: string, start: string) => verdict(text.startsWith(start), `"${text}" starts with "${start}"`),
  toEndWith: (text: string, end: string) => verdict(text.endsWith(end), `"${text}" ends with "${end}"`),
};

export const expect = makeExpect();

/** Vitest's expect() without Vitest: its parts put together as its runner does, which keeps state on the function itself. */
function makeExpect(): ExpectStatic {
  for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);
  const made = ((value: unknown, message?: string) => chai.expect(value, message)) as unknown as ExpectStatic;
  Object.assign(made, chai.expect, (globalThis as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT]);
  Object.assign(globalThis, { [GLOBAL_EXPECT]: made });
  setState({}, made);
  const withExtend = chai.expect as unknown as { extend(expect: ExpectStatic, matchers: object): void };
  withExtend.extend(made, ownMatchers);
  addCustomEqualityTesters([equalBytes]);
  return made;
}

function verdict(pass: boolean, claim: string) {
  return { pass, message: () => `expected ${pass ? "not " : ""}that ${claim}` };
}

/** Bun's toEqual() looks at the bytes and not at whether they are in a Buffer. */
function equalBytes(a: unknown, b: unknown): boolean | undefined {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return undefined;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
