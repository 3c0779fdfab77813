import type { HttpError } from "../http/index.ts";

/** A message of ours in two: what happened, and behind the last semicolon what to do about it. */
export function splitHint(message: string): { readonly what: string; readonly hint: string | undefined } {
  const at = message.lastIndexOf("; ");
  return at < 0 ? { what: message, hint: undefined } : { what: message.slice(0, at), hint: message.slice(at + 2) };
}

const adviceByReason: Readonly<Partial<Record<HttpError["reason"], string>>> = {
  timeout: "look why the answer takes long, or give it more time with --timeout",
  reset: "look at the log of the process",
  truncated: "look at the log of the process, and of proxies on the way",
  too_large: "raise body_size_limit, or profile less",
  protocol: "check scheme and port",
  proxy: "check proxy_url, and its user name and password",
  credentials: "correct the credentials of the configuration",
  tls: "set tls_config in a component accordingly, and test with --config FILE --component ID",
};

/** An error of the transport for people: what happened, and what to try. */
export function judgeError({ reason, message }: HttpError): {
  readonly verdict: string;
  readonly next: string | undefined;
} {
  const { what, hint } = splitHint(message);
  return { verdict: `${what}.`, next: hint ?? adviceByReason[reason] };
}

const withSettings = "test it with --config FILE --component ID";

const adviceByStatus: Readonly<Record<number, string>> = {
  401: `configure authentication (basic_auth, authorization, bearer_token_file, oauth2) in a component and ${withSettings}`,
  403: "ask for the right to read profiles with these credentials, or use others",
  407: "set a user name and password in proxy_url",
  405: "something other than pprof is served there: check the path",
};

const verdictByStatus: Readonly<Record<number, string>> = {
  401: "The server wants credentials, or does not take these.",
  403: "The server refuses these credentials.",
  404: "Nothing is served at this path.",
  407: "The proxy wants credentials, or does not take these.",
};

/** A response that is not status 200, for people. */
export function judgeStatus(status: number, process: string): { verdict: string; next: string } {
  const server =
    status >= 500 ? "look at the log of the process" : `\`agent test ${process}\` lists the profiles that it serves`;
  return {
    verdict: verdictByStatus[status] ?? `The server answers with status ${status} and no profile.`,
    next: adviceByStatus[status] ?? server,
  };
}
