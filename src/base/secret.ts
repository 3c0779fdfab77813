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

// Up to the last @, and before anything else is looked at: a password may hold what would otherwise begin a path or query.
export const userinfoPattern = /^([a-z][a-z0-9+.-]*:\/\/)?.*@/is;

/** Text of any kind for a message: where it may be a URL, `…` stands for userinfo and query; `user:password@host` is taken for one. */
export function withoutCredentials(text: string): string {
  return text.replace(userinfoPattern, "$1…@").replace(/(:\/\/[^?#]*[?#]).+$/s, "$1…");
}

/** A URL without its userinfo, for everything that is shown. Text that is no URL is returned as it is. */
export function withoutUserinfo(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || (parsed.username === "" && parsed.password === "")) return url;
  parsed.username = "";
  parsed.password = "";
  return parsed.href;
}
