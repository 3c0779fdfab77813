import { preview } from "../base/index.ts";
import { shownUrl } from "../schema/index.ts";
import type { HttpResponse } from "./client.ts";
import { tlsHint } from "./tls/tls-hint.ts";

/** Whose answer a response may be, as the subject of a sentence; `asked` stands for whom the request was made to. */
export function answererOf({ request }: HttpResponse, asked: "the target" | "the server"): string {
  const { forwarder, redirectedTo } = request ?? {};
  const last = redirectedTo === undefined ? asked : `"${redirectedTo}", to which ${asked} redirects,`;
  return forwarder === undefined ? last : `either the proxy "${forwarder}" or ${last}`;
}

/** What to do about a response that is no success, as far as the way of the request tells; `undefined` where it does not. */
export function responseHint(response: HttpResponse): string | undefined {
  return tlsHint(response) ?? redirectHint(response) ?? wayHint(response);
}

/** Only a client that must not follow redirects returns one. */
function redirectHint(response: HttpResponse): string | undefined {
  const target = redirectTarget(response);
  return target && `turn follow_redirects on, or configure "${target}", to which the answer redirects`;
}

/** Where a response redirects to, without what may be secret; `undefined` where it is no redirect. */
export function redirectTarget({ status, headers: { location } }: HttpResponse): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  // A quote would end those around it, and it stands in advice.
  return preview(shownUrl(location).replace(/["\s]/g, encodeURIComponent), 128);
}

function wayHint({ status, request }: HttpResponse): string | undefined {
  const refuses = status === 401 || status === 403;
  if (refuses && request?.credentials === "left behind")
    return "credentials do not follow a redirect to another host: configure the final URL";
  // Proxies of many makes answer a wrong password with another status than 407.
  return request?.forwarder !== undefined && (refuses || status >= 500)
    ? "check user name and password in the proxy's URL, and the log of both"
    : undefined;
}
