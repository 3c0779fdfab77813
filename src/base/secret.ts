/** What stands wherever a secret would be shown. */
export const maskedSecret = "(secret)";

/**
 * A value that leaves memory only to where it authenticates. Every way of turning it into text gives a placeholder;
 * `reveal()` is the one way to the value, so that its uses can be found.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return maskedSecret;
  }

  toJSON(): string {
    return maskedSecret;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return maskedSecret;
  }
}

/** A URL without its userinfo, for everything that is shown. Text that is no URL is returned as it is. */
export function withoutUserinfo(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || (parsed.username === "" && parsed.password === "")) return url;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}
