import { preview } from "../../base/index.ts";
import type { HttpError } from "../client.ts";
import { tunnelError, type TunnelRequest } from "./proxy-failure.ts";

/** What a proxy answered: its status line and headers, and as much of the body as came with them. */
export interface ConnectAnswer {
  readonly head: string;
  readonly body: string;
}

/** The error for an answer to CONNECT other than 2xx, in the proxy's own words as far as it has some. */
export function connectRefusal(
  answer: ConnectAnswer,
  { sentCredentials, ...request }: TunnelRequest & { readonly sentCredentials: boolean },
): HttpError {
  const [, status = "", phrase = ""] = /^HTTP\/\S+ (\d*) ?(.*)/.exec(answer.head) ?? [];
  const words = preview(proxyWords(answer));
  const said = preview(`${status} ${phrase}`) + (words && `, "${words}"`);
  if (status === "407")
    return tunnelError("proxy", request, unauthenticated(said, { head: answer.head, sentCredentials }));
  // Some answer a wrong password so, and not with 407.
  const mayBeCredentials = sentCredentials && (status === "401" || status === "403");
  const why = status.startsWith("5")
    ? `it answers ${said}; check that it can reach this host and port`
    : `it refuses with ${said}; check ${mayBeCredentials ? "user name and password in its URL, and " : ""}that it allows CONNECT to this host and port`;
  return tunnelError("proxy", request, why);
}

function unauthenticated(said: string, { head, sentCredentials }: { head: string; sentCredentials: boolean }): string {
  const schemes = headerValues(head, "proxy-authenticate").map((value) => value.split(" ")[0] as string);
  if (schemes.length > 0 && !schemes.some((scheme) => scheme.toLowerCase() === "basic"))
    return `it asks for authentication by ${preview(schemes.join(", "))} (${said}), and the agent can do Basic only`;
  return sentCredentials
    ? `it does not accept the user name and password (${said}); check those in its URL`
    : `it asks for a user name and password (${said}); write them in its URL, "user:password@" before the host`;
}

/** The cause by the headers that proxies have for it (Squid's own; RFC 9209), else the title of a page or the start of a text. */
function proxyWords({ head, body }: ConnectAnswer): string {
  const [cause] = [...headerValues(head, "x-squid-error"), ...headerValues(head, "proxy-status")];
  if (cause !== undefined) return cause;
  return /^\s*</.test(body) ? (/<title>([^<]*)/i.exec(body)?.[1] ?? "") : body;
}

function headerValues(head: string, name: string): string[] {
  const lines = head.split("\r\n").filter((line) => line.toLowerCase().startsWith(`${name}:`));
  return lines.map((line) => line.slice(name.length + 1).trim());
}
