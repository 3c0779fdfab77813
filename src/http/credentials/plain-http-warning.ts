import { isIPv4 } from "node:net";
import type { HttpArguments } from "../arguments.ts";
import { authenticationOf } from "./authentication-arguments.ts";
import { hostOf } from "../http-error.ts";

export interface SentTo {
  readonly args: HttpArguments;
  /** Headers beside `http_headers`. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** What is requested; those that are no http URL, or lead to this machine, count for nothing. */
  readonly urls: Iterable<string>;
}

/** A sentence that names credentials which everybody on the way can read; `undefined` where there are none. */
export function plainHttpWarning({ args, headers = {}, urls }: SentTo): string | undefined {
  const names = [
    ...authenticationOf(args),
    ...[headers, args.http_headers ?? {}].flatMap((each) => Object.keys(each)).filter((name) => authenticates(name)),
  ];
  const sentences = names.length === 0 ? [] : [sentence(names.join(", "), exposed(urls))];
  const tokenUrl = args.oauth2?.token_url;
  if (tokenUrl !== undefined) sentences.push(sentence("oauth2.client_secret", exposed([tokenUrl])));
  const said = sentences.filter((each) => each !== undefined);
  return said.length > 0 ? said.join("; ") : undefined;
}

function sentence(what: string, hosts: readonly string[]): string | undefined {
  const [first, ...more] = hosts;
  if (first === undefined) return undefined;
  const others = more.length > 0 ? ` and ${more.length} more` : "";
  return `sends credentials over plain http (${what}, to "${first}"${others}): everybody on the way can read them; use https`;
}

/** The hosts beyond this machine that are asked in plain http. */
function exposed(urls: Iterable<string>): readonly string[] {
  const hosts = new Set<string>();
  for (const text of urls) {
    const url = /^http:/i.test(text) ? URL.parse(text) : null;
    if (url && !isLoopback(url.hostname)) hosts.add(hostOf(url));
  }
  return [...hosts];
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    (isIPv4(hostname) && hostname.startsWith("127."))
  );
}

/** By the names that are used for it; any other header may hold anything, and most hold no secret. */
function authenticates(header: string): boolean {
  return /^(authorization|cookie)$|token|api-?key|secret|password/i.test(header);
}
