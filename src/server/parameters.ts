import { preview } from "../base/index.ts";
import { RequestError } from "./request-error.ts";

/**
 * The parameters of a request's URL. One that is unknown, empty, or given twice where one is meant is an error, because an
 * answer to another question than the one that was asked looks right.
 */
export class Parameters {
  readonly #values: URLSearchParams;

  constructor(url: string, known: readonly string[]) {
    this.#values = new URL(url).searchParams;
    for (const [name, value] of this.#values) {
      if (!known.includes(name))
        throw badParameter(`Unknown parameter "${preview(name)}"; this address takes ${known.join(", ")}`);
      if (value === "") throw badParameter(`Parameter "${name}" has no value; leave it out or give one`);
    }
  }

  /** The value of a parameter that may be given once. */
  one(name: string): string | undefined {
    const values = this.all(name);
    if (values.length > 1)
      throw badParameter(`Parameter "${name}" may be given once, here it is given ${values.length} times`);
    return values[0];
  }

  /** Every value of a parameter that may be repeated. */
  all(name: string): readonly string[] {
    return this.#values.getAll(name);
  }
}

/** A parameter that takes one of a few words. */
export function oneOf(parameters: Parameters, name: string, words: readonly string[]): string | undefined {
  const value = parameters.one(name);
  if (value === undefined || words.includes(value)) return value;
  throw badParameter(`Parameter "${name}" is ${words.join(", ")}, not "${preview(value)}"`);
}

/** A parameter that takes a whole number from 1 to `max`. */
export function wholeNumber(parameters: Parameters, name: string, max: number): number | undefined {
  const value = parameters.one(name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= max) return number;
  throw badParameter(`Parameter "${name}" is a whole number from 1 to ${max}, not "${preview(value)}"`);
}

export function badParameter(message: string): RequestError {
  return new RequestError("bad_parameter", message);
}
