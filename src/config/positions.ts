import type { Path } from "./finding.ts";

/** Line and column, both from 1 on. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where each key and each value of a text stands. */
export class Positions {
  readonly #keys = new Map<string, Position>();
  readonly #values = new Map<string, Position>();

  /** The first mention counts: a table may be named again by those below it. */
  add(path: Path, key: Position, value: Position): void {
    const id = JSON.stringify(path);
    if (!this.#keys.has(id)) this.#keys.set(id, key);
    if (!this.#values.has(id)) this.#values.set(id, value);
  }

  /** Of what stands at `path`, or of the innermost table around it that is there. */
  find(path: Path, at: "key" | "value"): Position {
    for (let length = path.length; length > 0; length--) {
      const id = JSON.stringify(path.slice(0, length));
      const position = (at === "value" && length === path.length ? this.#values : this.#keys).get(id);
      if (position) return position;
    }
    return { line: 1, column: 1 };
  }
}
