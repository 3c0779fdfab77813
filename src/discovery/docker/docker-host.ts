import { preview } from "../../base/index.ts";
import { formatUnixUrl, isUnixUrl, meantUnixUrl, parseUnixUrl, unixUrlProblem } from "../../http/index.ts";
import { httpUrlProblem, shownUrl } from "../../schema/index.ts";

/** The ports that Docker itself takes where `tcp://` names none: dockerd(8). */
const tcpPorts = { http: 2375, https: 2376 } as const;

/** Why no daemon can be asked at this `host`; `undefined` where one can. */
export function dockerHostProblem(host: string): string | undefined {
  const expected = `expected a URL such as "unix:///var/run/docker.sock" or "tcp://10.0.0.5:2375"`;
  if (/^(?:npipe|ssh|fd):/i.test(host))
    return `${expected}, found "${preview(shownUrl(host))}"; let the daemon listen on a unix socket or on TCP`;
  if (isUnixUrl(host)) return unixUrlProblem(host);
  const meant = meantUnixUrl(host);
  if (meant !== undefined) return `${expected}; write "${meant}"`;
  const problem = httpUrlProblem(host, ["tcp", "http", "https"]);
  if (problem !== undefined) return problem.replace(/^expected a URL that begins with/, "$& unix://,");
  const { username, password, search, hash } = new URL(host);
  if (username !== "" || password !== "") return "must not hold a user name or password: use basic_auth";
  return search === "" && hash === "" ? undefined : `must not hold a query, found "${preview(shownUrl(host))}"`;
}

/**
 * The URL of a path of the API at `host`. `tcp://` is `http://`, and `https://` where TLS is configured, as Docker's own
 * command line has it.
 */
export function dockerUrl(host: string, path: string, { withTls }: { readonly withTls: boolean }): string {
  const unix = parseUnixUrl(host);
  if (unix) return formatUnixUrl(unix.socketPath, `${trimmed(unix.url.pathname)}${path}`);
  const scheme = withTls ? "https" : "http";
  const isTcp = /^tcp:/i.test(host);
  const url = new URL(isTcp ? host.replace(/^tcp/i, scheme) : host);
  const port = isTcp && new URL(host).port === "" ? `:${tcpPorts[scheme]}` : "";
  return `${url.origin}${port}${trimmed(url.pathname)}${path}`;
}

function trimmed(pathname: string): string {
  return pathname.replace(/\/+$/, "");
}
