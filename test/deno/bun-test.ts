/**
 * The part of bun:test that our tests use, over node:test and Vitest's expect, so that Deno runs the same test files:
 * `deno test --import-map=test/deno/import-map.json` puts it in the place of bun:test. It goes as far as the tests need.
 */
import { after, afterEach, before, beforeEach, describe as suite, it } from "node:test";
import { format } from "node:util";

export { expect } from "./expect.ts";
export { after as afterAll, afterEach, before as beforeAll, beforeEach };

type Body = (...args: never[]) => unknown;
type Options = number | { readonly timeout?: number };
type Declare = (name: string, options: object, body: () => unknown) => unknown;

export const test = declaring(it as Declare);
export { test as it };
export const describe = declaring(suite as Declare);

/** Tests have no deadline here unless they set one. */
export function setDefaultTimeout(_ms: number): void {}

/** The forms of `test` and `describe`: plain, `.each`, `.concurrent`, `.if`, `.skip`, `.skipIf`, `.todo`. */
function declaring(declare: Declare) {
  const form = (options: object) => {
    const plain = (name: string, body?: Body, limit: Options = {}): void => {
      const timeout = typeof limit === "number" ? limit : limit.timeout;
      declare(name, { ...options, ...(timeout && { timeout }) }, () => body?.());
    };
    const each =
      (rows: readonly unknown[]) =>
      (name: string, body: (...row: unknown[]) => unknown, limit?: Options): void => {
        rows.forEach((row, index) => {
          const cells = Array.isArray(row) ? (row as unknown[]) : [row];
          plain(titleOf(name, cells, index), () => body(...cells), limit);
        });
      };
    return Object.assign(plain, { each });
  };
  return Object.assign(form({}), {
    // One after the other, which gives the same result later.
    concurrent: form({}),
    skip: form({ skip: true }),
    todo: form({ todo: true }),
    skipIf: (condition: boolean) => form({ skip: condition }),
    if: (condition: boolean) => form({ skip: !condition }),
  });
}

/** A row's title: printf's placeholders take the cells in turn, `$name` a field of the first one, `%#` the row's number. */
function titleOf(name: string, cells: readonly unknown[], index: number): string {
  const placeholders = name.match(/%[sdifjoOp]/g)?.length ?? 0;
  const fields = (cells[0] ?? {}) as Record<string, unknown>;
  return format(name.replaceAll("%p", "%j").replaceAll("%#", String(index)), ...cells.slice(0, placeholders)).replace(
    /\$(\w+)/g,
    (whole, field: string) => (field in Object(fields) ? String(fields[field]) : whole),
  );
}
