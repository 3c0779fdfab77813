/**
 * http: the one client that scraping, pushing and (later) discovery share, and the schema of its arguments.
 *
 * Constraints: node:http, node:tls and node:http2 only, which behave alike on Bun, in its binaries and on Deno; no fetch (DESIGN,
 * "Libraries before own code"). Every read, wait and idle connection has a limit. A response is a value whatever its status;
 * everything else is an HttpError with a reason. Secrets are revealed only where they are sent.
 *
 * Flow: createHttpClient adds headers and credentials (credentials, token-source, watched-file) and takes a request apart into hops
 * (redirect). The connector sends each hop on its way: over the pool of node:http, or over a connection of ours with TLS or through
 * a proxy (secure-side, dial, open-tunnel, http2-sessions). A hop is one exchange; one interruption ends all of it at its deadline
 * or on its signal; http-error and tls-explainer put what went wrong into words. For people, diagnose makes one request and
 * reports each of its steps. Before any request, http-warnings says what of the arguments, and of the files they name, is probably
 * not meant.
 *
 * What it does not do: undo a Content-Encoding, keep cookies, or repeat a request, except a GET that met a connection which the
 * server had closed meanwhile, one that a server says over HTTP/2 that it did nothing with, and one that a server answered with 401
 * when other credentials are there by now.
 */
export {
  type HttpArguments,
  httpArguments,
  httpArgumentsOf,
  type HttpArgumentsOptions,
  httpChecks,
} from "./arguments.ts";
export { createSecretSource, type SecretPlaces, type SecretSource } from "./credentials/secret-source.ts";
export { authenticationOf } from "./credentials/authentication-arguments.ts";
export type {
  AnsweredRequest,
  BodySink,
  HttpClient,
  HttpError,
  HttpReason,
  HttpRequest,
  HttpResponse,
} from "./client.ts";
export { createHttpClient, type HttpClientOptions } from "./create-http-client.ts";
export { diagnose, type DiagnoseOptions } from "./diagnose/diagnose.ts";
export type { Diagnosis, DiagnosisStep, StepReport } from "./diagnose/diagnosis.ts";
export { answererOf, redirectTarget, responseHint } from "./response-hint.ts";
export { headerNameProblem } from "./header-names.ts";
export { requestUrlProblem } from "./request-url.ts";
export { httpWarnings, type HttpWarningOptions } from "./http-warnings.ts";
export { formatUnixUrl, isUnixUrl, meantUnixUrl, parseUnixUrl, type UnixUrl, unixUrlProblem } from "./unix-url.ts";
