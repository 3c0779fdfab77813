import { AgentError, errorMessage } from "../../base/index.ts";
import { type HttpError, type HttpResponse, responseHint } from "../../http/index.ts";
import type { ConnectCode } from "./connect-error.ts";
import type { PushOutcome, PushReason, Rejected, Retryable } from "./push-outcome.ts";
import { type QuotedReply, quoteReply, subjectOf } from "./quote-reply.ts";
import { retryAfterMs } from "./retry-after.ts";

/** What one request came to: a response, or the transport's error. */
export type Reply = { readonly response: HttpResponse } | { readonly error: HttpError };

export interface ClassifyOptions {
  /** `retry_on_http_429` */
  readonly retryRateLimited: boolean;
  readonly nowMs: number;
}

/** What follows from a reason: try again, with whose fault, or give the profile up; and what to tell people. */
type Verdict = { readonly fault: Retryable["fault"] | "profile"; readonly hint?: string };

const verdicts: Readonly<Record<PushReason, Verdict>> = {
  refused: { fault: "endpoint" },
  dns: { fault: "endpoint" },
  tls: { fault: "endpoint" },
  redirects: { fault: "endpoint" },
  protocol: { fault: "endpoint" },
  unreachable: { fault: "endpoint" },
  credentials: { fault: "endpoint" },
  proxy: { fault: "endpoint" },
  canceled: { fault: "endpoint" },
  // A large profile on a slow link, or a proxy that hangs up on large bodies, looks the same as a server that is gone.
  timeout: { fault: "unclear" },
  reset: { fault: "unclear" },
  truncated: { fault: "unclear" },
  deadline: { fault: "unclear" },
  // Pyroscope 2 answers a corrupt profile with 500, and one above the tenant's burst with 429 for ever.
  server_error: { fault: "unclear" },
  rate_limited: { fault: "unclear" },
  unavailable: { fault: "unclear" },
  unauthorized: { fault: "endpoint", hint: "check the endpoint's authentication and its X-Scope-OrgID header" },
  not_found: {
    fault: "endpoint",
    hint: 'check the endpoint\'s url, and that proxies let POST "/push.v1.PusherService/Push" through',
  },
  not_pyroscope: { fault: "endpoint", hint: "check the endpoint's url: something else answers there" },
  too_large: { fault: "profile" },
  invalid: { fault: "profile" },
  // Perhaps only with this one profile, so that it must not be tried for ever.
  internal: { fault: "unclear", hint: "this is a defect of the agent: please report it" },
};

const reasonOfCode: Readonly<Record<ConnectCode, PushReason>> = {
  canceled: "deadline",
  deadline_exceeded: "deadline",
  unknown: "server_error",
  internal: "server_error",
  data_loss: "server_error",
  aborted: "server_error",
  unavailable: "unavailable",
  resource_exhausted: "rate_limited",
  unauthenticated: "unauthorized",
  permission_denied: "unauthorized",
  not_found: "not_found",
  unimplemented: "not_found",
  invalid_argument: "invalid",
  already_exists: "invalid",
  failed_precondition: "invalid",
  out_of_range: "invalid",
};

const reasonOfStatus: Readonly<Record<number, PushReason>> = {
  401: "unauthorized",
  403: "unauthorized",
  404: "not_found",
  405: "not_found",
  407: "unauthorized",
  408: "deadline",
  413: "too_large",
  429: "rate_limited",
  499: "deadline",
  500: "server_error",
  501: "not_found",
  504: "deadline",
};

/**
 * What to do after a push: the one place that decides it, and a pure function. The code in the body goes before the status,
 * because gateways and older servers answer 422 or 500 where the code says `resource_exhausted`; only 413 is final whatever
 * the body says. 401, 403 and 404 are retried: they are the endpoint's fault, and end when its configuration or the server's does.
 */
export function classifyReply(reply: Reply, options: ClassifyOptions): PushOutcome {
  if ("error" in reply) return transportFailure(reply.error);
  const { response } = reply;
  if (response.status === 200 && isProto(response)) return { outcome: "sent" };
  const quoted = quoteReply(response);
  const reason = reasonOf(response.status, quoted);
  const { error, words } = quoted;
  const code = error ? ` ${error.code}` : "";
  const said = {
    what: `Could not push: ${subjectOf(response, quoted)} answered ${response.status}${code} ${words}`,
    hints: [responseHint(response), limitHint(reason, quoted)],
  };
  if (reason === "rate_limited" && !options.retryRateLimited) return rejected(reason, said);
  const waitMs = retryAfterMs(response.headers, options.nowMs);
  // Of what a proxy refuses with a page it may be one profile that it does not like.
  const unclear = reason === "not_pyroscope" && response.status >= 400;
  return outcomeOf(reason, said, { ...(unclear && { fault: "unclear" }), waitMs });
}

/** Whether the Push API itself has answered, and not something in its place. */
export function isFromPushApi(response: HttpResponse): boolean {
  return response.status === 200 ? isProto(response) : quoteReply(response).error !== undefined;
}

/** The outcome of an attempt that ended in something other than a reply. */
export function internalFailure(thrown: unknown): PushOutcome {
  return outcomeOf("internal", { what: `Could not push: ${errorMessage(thrown)}` });
}

export function isTransportError(thrown: unknown): thrown is HttpError {
  return thrown instanceof AgentError && Object.hasOwn(verdicts, thrown.reason);
}

function transportFailure(error: HttpError): PushOutcome {
  // Too large an answer: the client reads no more than an empty message could ever need.
  return outcomeOf(error.reason === "too_large" ? "not_pyroscope" : error.reason, { what: error.message });
}

function reasonOf(status: number, { error, isPage }: QuotedReply): PushReason {
  if (status < 400) return "not_pyroscope";
  if (error && status !== 413) return reasonOfCode[error.code];
  const known = reasonOfStatus[status];
  if (known) return known;
  if (status >= 500) return "unavailable";
  return isPage ? "not_pyroscope" : "invalid";
}

/** Whose limit it is: that of a proxy is raised elsewhere than the server's own. */
function limitHint(reason: PushReason, { error, isPage }: QuotedReply): string | undefined {
  if (reason === "rate_limited" && isPage) return "raise the proxy's limit: it is not the tenant's limit in Pyroscope";
  if (reason === "rate_limited") return error && "raise the tenant's limit in Pyroscope, or scrape less often";
  if (reason !== "too_large") return undefined;
  return error
    ? "raise the server's limit on the size of requests"
    : "raise the limit on the size of requests (nginx: client_max_body_size)";
}

/** What happened, and what to do about it. */
interface Said {
  readonly what: string;
  readonly hints?: readonly (string | undefined)[];
}

function outcomeOf(
  reason: PushReason,
  { what, hints = [] }: Said,
  { fault = verdicts[reason].fault, waitMs }: { fault?: Verdict["fault"]; waitMs?: number | undefined } = {},
): PushOutcome {
  const said = { what, hints: [...hints, verdicts[reason].hint] };
  if (fault === "profile") return rejected(reason, said);
  const retryAfter = waitMs !== undefined && { retryAfterMs: waitMs };
  return { outcome: "retryable", reason, ...inWords(said), fault, ...retryAfter };
}

function rejected(reason: PushReason, said: Said): Rejected {
  return { outcome: "rejected", reason, ...inWords(said) };
}

function inWords({ what, hints = [] }: Said): { message: string; hint?: string } {
  const hint = hints.filter((one) => one !== undefined).join("; ");
  return hint ? { message: `${what}; ${hint}`, hint } : { message: what };
}

function isProto({ headers }: HttpResponse): boolean {
  return /^application\/proto\s*(;|$)/i.test(headers["content-type"] ?? "");
}
