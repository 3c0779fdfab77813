import { formatUnixUrl, parseUnixUrl, requestUrlProblem } from "../../http/index.ts";
import { shownUrl } from "../../schema/index.ts";

/** The path of the Push API, which the agent adds to an endpoint's URL. */
const rpcPath = "/push.v1.PusherService/Push";

/** Why nothing can be pushed to this URL; `undefined` where something can. */
export function endpointUrlProblem(url: string): string | undefined {
  const problem = requestUrlProblem(url);
  if (problem !== undefined) return problem;
  const unix = parseUnixUrl(url);
  const { search, hash, pathname } = unix?.url ?? new URL(url);
  const shown = unix ? formatUnixUrl(unix.socketPath, pathname) : shownUrl(url);
  if (search !== "" || hash !== "") return `must not have a query or fragment: write "${shown}"`;
  if (!pathname.replace(/\/+$/, "").endsWith(rpcPath)) return undefined;
  const server = shown.slice(0, shown.lastIndexOf(rpcPath)).replace(/:$/, "");
  return `the agent adds ${rpcPath} itself: write "${server}"`;
}

/** The URL of the Push call below an endpoint's URL, whose path is kept. */
export function pushUrl(endpointUrl: string): string {
  const unix = parseUnixUrl(endpointUrl);
  const url = unix?.url ?? new URL(endpointUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}${rpcPath}`;
  return unix ? formatUnixUrl(unix.socketPath, url.pathname) : url.href;
}
