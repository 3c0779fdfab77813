import * as v from "valibot";
import { preview, Secret } from "../base/index.ts";
import { typeName } from "./argument.ts";
import { text } from "./scalars.ts";
import { shownUrl } from "./secret.ts";

/** Why this is no http:// or https:// URL with a host; `undefined` where it is one. */
export function httpUrlProblem(url: string, schemes: readonly string[] = ["http", "https"]): string | undefined {
  const shown = `"${preview(shownUrl(url))}"`;
  const expected = `expected a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`;
  if (url === "") return "must not be empty";
  if (/\s/.test(url)) return `${expected}, found ${shown}, which holds a space`;
  const parsed = URL.parse(url);
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url) ?? [];
  if (scheme === undefined) {
    // localhost:4040 and host/path are what people write; anything stranger gets no advice.
    const meant = /^[\w.-]+(:\d+)?(\/[^?#@]*)?$/.test(url) ? `; write "http://${preview(url)}"` : "";
    return `${expected}, found ${shown}${meant}`;
  }
  if (!schemes.includes(scheme.toLowerCase())) return `${expected}, found ${shown}`;
  const [, port] = parsed || url.includes("@") ? [] : (/^[^:]+:\/\/[^/?#]*:([^/?#\]]+)(?:[/?#]|$)/.exec(url) ?? []);
  if (port !== undefined) return `a port is a number from 1 to 65535, found "${preview(port)}" in ${shown}`;
  if (!parsed || parsed.hostname === "") return `${expected} and names a host, found ${shown}`;
  return undefined;
}

/** The http:// or https:// URL of a server for which there are arguments to authenticate with. */
export function serverUrl() {
  return v.pipe(
    text(),
    v.rawCheck(({ dataset, addIssue }) => {
      const problem = dataset.typed ? serverUrlProblem(dataset.value) : undefined;
      if (problem !== undefined) addIssue({ message: problem });
    }),
    typeName("URL"),
  );
}

function serverUrlProblem(url: string): string | undefined {
  const problem = httpUrlProblem(url);
  if (problem !== undefined) return problem;
  const { username, password } = new URL(url);
  return username === "" && password === "" ? undefined : "must not hold a user name or password: use basic_auth";
}

/** The URL of a proxy: userinfo in it is a credential, so all of it is kept as a secret. */
export function secretUrl(schemes: readonly string[]) {
  return v.pipe(
    v.string("expected a URL as a string; what stands there may be a secret and is not shown"),
    v.rawTransform(({ dataset, addIssue, NEVER }): Secret => {
      const problem = httpUrlProblem(dataset.value, schemes);
      if (problem === undefined) return new Secret(dataset.value);
      addIssue({ message: problem });
      return NEVER;
    }),
    typeName("URL (secret)"),
  );
}
