import { describe, expect, test } from "bun:test";
import { listenError } from "../../src/runtime/listen-error.ts";

describe("a listen error", () => {
  const cases: [code: string | undefined, reason: string, cause: string][] = [
    ["EADDRINUSE", "address_in_use", "another process listens there; stop it or choose another port"],
    ["EACCES", "not_permitted", "the system does not permit it; ports below 1024 need privileges, choose a higher one"],
    ["EADDRNOTAVAIL", "no_such_address", "no network interface of this machine has the address"],
    ["EINVAL", "no_such_address", "this is neither an address nor a name that resolves on this machine"],
    ["EMFILE", "failed", "what the host said"],
    [undefined, "failed", "what the host said"],
  ];
  test.each(cases)("from %p has the reason %s", (code, reason, cause) => {
    const thrown = Object.assign(new Error("what the host said"), { code });
    const error = listenError(thrown, { hostname: "127.0.0.1", port: 80 });
    expect(error.reason as string).toBe(reason);
    expect(error.message).toBe(`Cannot listen on "127.0.0.1:80": ${cause}`);
    expect(error.cause).toBe(thrown);
  });
});
