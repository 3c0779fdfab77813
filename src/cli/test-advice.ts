import { splitHint } from "../base/index.ts";
import {
  answererOf,
  authenticationOf,
  type HttpArguments,
  type HttpError,
  type HttpResponse,
  redirectTarget,
  responseHint,
} from "../http/index.ts";

/** Whom advice is for, and so in what words it is given. */
export interface Advised {
  /** The component whose arguments were used; without one, those of the command line. */
  readonly component?: string | undefined;
  readonly args: HttpArguments;
  /** The argument of that component which bounds a request. */
  readonly timeoutArgument: "scrape_timeout" | "remote_timeout";
}

const withSettings = "test it with --config FILE --component ID";

const adviceByReason: Readonly<Partial<Record<HttpError["reason"], (advised: Advised) => string>>> = {
  timeout: ({ component, timeoutArgument }) =>
    `look why the answer takes long, or ${component === undefined ? "give it more time with --timeout" : `raise ${timeoutArgument} in ${component}`}`,
  reset: () => "look at the log of the process",
  truncated: () => "look at the log of the process, and of proxies on the way",
  too_large: ({ component }) =>
    component === undefined
      ? "profile less, or raise body_size_limit in a component"
      : `raise body_size_limit in ${component}, or profile less`,
  protocol: () => "check scheme and port",
  proxy: ({ component = "the component" }) => `check proxy_url in ${component}, and its user name and password`,
  credentials: ({ component = "the component" }) => `correct the credentials in ${component}`,
  tls: ({ component }) =>
    component === undefined
      ? `set tls_config in a component accordingly, and ${withSettings}`
      : `correct tls_config in ${component}`,
};

/** An error of the transport for people: what happened, and what to try. */
export function judgeError(
  { reason, message }: HttpError,
  advised: Advised,
): { readonly verdict: string; readonly next: string | undefined } {
  const { what, hint } = splitHint(message);
  return { verdict: `${what}.`, next: hint ?? adviceByReason[reason]?.(advised) };
}

/** A response that is not status 200, for people. `listing` is the command that lists what the process serves. */
export function judgeStatus(
  response: HttpResponse,
  { listing, ...advised }: Advised & { readonly listing: string },
): { readonly verdict: string; readonly next: string } {
  const { status, request } = response;
  const who = capitalized(answererOf(response, "the server"));
  const target = redirectTarget(response);
  if (target !== undefined) {
    const where = advised.component === undefined ? "" : ` in ${advised.component}`;
    return {
      verdict: `${who} redirects to "${target}", and follow_redirects is off.`,
      next: `configure that URL, or turn follow_redirects on${where}`,
    };
  }
  const { what, hint } = splitHint(responseHint(response) ?? "");
  if (hint !== undefined) return { verdict: `${capitalized(what)}.`, next: hint };
  const sent = request?.credentials === "sent";
  return {
    verdict: `${who} ${verdictOf(response)}.`,
    next: what || (adviceOn(status, sent, advised) ?? usualAdvice(status, listing)),
  };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function verdictOf({ status, request }: HttpResponse): string {
  if (status === 404) return "serves nothing at this path";
  if (status !== 401 && status !== 403) return `answers with status ${status} and no profile`;
  if (request?.credentials === "sent")
    return status === 401 ? "does not accept these credentials" : "refuses these credentials";
  // What a proxy was sent is not known here.
  if (request?.forwarder !== undefined) return `refuses the request with status ${status}`;
  return status === 401 ? "wants credentials" : "refuses a request without credentials";
}

function adviceOn(status: number, sent: boolean, advised: Advised): string | undefined {
  if (status === 401) return sent ? correct(advised) : authenticate(advised);
  if (status === 403)
    return sent ? "ask for the right to read profiles with these credentials, or use others" : authenticate(advised);
  return status === 405 ? "something other than pprof is served there: check the path" : undefined;
}

function correct({ component, args }: Advised): string {
  const [argument = "the credentials"] = authenticationOf(args);
  return component === undefined
    ? "correct the user name and password in the URL"
    : `correct ${argument} in ${component}`;
}

function authenticate({ component }: Advised): string {
  const ways = "basic_auth, authorization, bearer_token_file, oauth2";
  return component === undefined
    ? `configure authentication (${ways}) in a component and ${withSettings}`
    : `configure authentication (${ways}) in ${component}`;
}

function usualAdvice(status: number, listing: string): string {
  return status >= 500 ? "look at the log of the process" : `\`${listing}\` lists the profiles that it serves`;
}
