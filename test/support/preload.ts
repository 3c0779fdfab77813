// Loaded once before all test files. Bun runs the hook below after the last of them.
import { afterAll, expect } from "bun:test";
import { watchLeaks } from "./leaks.ts";

const leaks = watchLeaks();

afterAll(() => {
  expect(leaks(), "everything that tests opened is closed").toEqual([]);
});
