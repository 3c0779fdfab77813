import { createHash, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { preview } from "../base/index.ts";
import { isLoopback, namesLoopback } from "./loopback.ts";
import type { AppOptions, Peer } from "./options.ts";
import { RequestError, type RequestErrorReason } from "./request-error.ts";

/** Why a request may not change anything; doubles as a metric's label. */
const refusals = [
  "not_loopback",
  "forwarded",
  "foreign_host",
  "cross_site",
  "no_token",
  "wrong_token",
  "token_unreadable",
] as const;
type Refusal = (typeof refusals)[number];

const statuses: Readonly<Record<Refusal, RequestErrorReason>> = {
  not_loopback: "forbidden",
  forwarded: "forbidden",
  foreign_host: "forbidden",
  cross_site: "forbidden",
  no_token: "unauthorized",
  wrong_token: "unauthorized",
  token_unreadable: "unavailable",
};

/**
 * A handler to put before those that change something. With a token, whoever sends it is let in. Without one only this machine is: the peer is
 * loopback, no proxy has forwarded the request, the Host is loopback (a page whose name was rebound to 127.0.0.1 has another one), and
 * no page of another site sent it.
 */
export function createGuard(options: Pick<AppOptions, "token" | "metrics" | "log">) {
  const { metrics, log } = options;
  const refused = metrics.counter(
    "agent_http_refused_requests_total",
    "Requests that would have changed something and were refused, by reason.",
    ["reason"],
  );
  for (const reason of refusals) refused.inc({ reason }, 0);
  const refuse = (c: Context, reason: Refusal, message: string): never => {
    refused.inc({ reason });
    log.debug("Request refused", { path: c.req.path, reason, remote_address: remoteAddress(c) });
    if (statuses[reason] === "unauthorized") c.header("WWW-Authenticate", 'Bearer realm="pprof-agent"');
    throw new RequestError(statuses[reason], message);
  };
  return async (c: Context, next: () => Promise<void>): Promise<void> => {
    const wanted = await options
      .token()
      .catch(() =>
        refuse(
          c,
          "token_unreadable",
          "The token cannot be compared: server.token_file cannot be read, the agent's log says why",
        ),
      );
    const [reason, message] = (wanted === undefined ? foreignness(c) : tokenProblem(c, wanted)) ?? [];
    if (reason !== undefined) refuse(c, reason, message as string);
    await next();
  };
}

type Problem = readonly [reason: Refusal, message: string];

function tokenProblem(c: Context, wanted: string): Problem | undefined {
  const given = /^Bearer +(\S+)\s*$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (given === undefined)
    return [
      "no_token",
      'What changes something needs the token of this agent; send the header "Authorization: Bearer TOKEN"',
    ];
  return sameText(given, wanted)
    ? undefined
    : ["wrong_token", "This is not the token of this agent; see server.token and server.token_file"];
}

/** Takes the same time wherever two texts differ. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(left, right);
}

/** Headers that a proxy adds; behind one on this machine every request comes from 127.0.0.1. */
const proxyHeader = /^(forwarded|via|x-real-ip|x-forwarded.*)$/;

/** What tells that a request does not come from this machine, or not from who uses it. */
function foreignness(c: Context): Problem | undefined {
  const address = remoteAddress(c);
  if (address === undefined || !isLoopback(address))
    return ["not_loopback", onlyFromHere(`this one came from "${address ?? "nowhere"}"`)];
  const forwarded = [...c.req.raw.headers.keys()].find((name) => proxyHeader.test(name));
  if (forwarded !== undefined)
    return ["forwarded", onlyFromHere(`this one came through a proxy (header "${forwarded}")`)];
  const host = c.req.header("host") ?? "";
  if (!namesLoopback(host))
    return ["foreign_host", onlyFromHere(`this one was sent to "${preview(host)}"; send it to 127.0.0.1 or localhost`)];
  const sender = foreignPage(c, host);
  return sender === undefined
    ? undefined
    : ["cross_site", onlyFromHere(`this one was sent by a page of another site (${sender})`)];
}

function onlyFromHere(what: string): string {
  return `Without a token, what changes something is taken from this machine only, and ${what}; set server.token to allow more`;
}

/** The header with which a browser tells that another site's page sent the request. */
function foreignPage(c: Context, host: string): string | undefined {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return `"Sec-Fetch-Site: ${preview(site)}"`;
  const origin = c.req.header("origin");
  return origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`
    ? undefined
    : `"Origin: ${preview(origin)}"`;
}

function remoteAddress(c: Context): string | undefined {
  return (c.env as Peer | undefined)?.remoteAddress;
}
