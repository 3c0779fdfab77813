import { httpUrlProblem } from "../schema/index.ts";
import { isUnixUrl, meantUnixUrl, parseUnixUrl, unixUrlProblem } from "./unix-url.ts";

/** Why a configured URL cannot be requested: not http, https or a unix socket, or with credentials in it; `undefined` where it can. */
export function requestUrlProblem(url: string): string | undefined {
  const problem = isUnixUrl(url) ? unixUrlProblem(url) : (otherFormProblem(url) ?? httpUrlProblem(url));
  if (problem !== undefined) return problem;
  const { username, password } = parseUnixUrl(url)?.url ?? new URL(url);
  return username === "" && password === "" ? undefined : "must not hold a user name or password: use basic_auth";
}

function otherFormProblem(url: string): string | undefined {
  const meant = meantUnixUrl(url);
  return meant && `expected a URL that begins with http://, https:// or unix://; write "${meant}"`;
}
