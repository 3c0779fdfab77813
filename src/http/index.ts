/**
 * http: the one client that scraping, pushing and (later) discovery share, and the schema of its arguments.
 *
 * Constraints: node:http and node:https only, which behave alike on Bun, in its binaries and on Deno; no fetch (DESIGN,
 * "Libraries before own code"). Every read, wait and idle connection has a limit. A response is a value whatever its status;
 * everything else is an HttpError with a reason.
 *
 * Flow: createHttpClient takes a request apart into hops (redirect), each hop is one exchange over a connection of the pool
 * (connection-pool, exchange, body-collector), one interruption ends it at its deadline or on its signal, and http-error puts
 * what went wrong into words.
 * For people, diagnose makes one request and reports each of its steps.
 *
 * What it does not do: undo a Content-Encoding, keep cookies, or repeat a request, except a GET that met a connection which the
 * server had closed meanwhile.
 */
export {
  type HttpArguments,
  httpArguments,
  httpArgumentsOf,
  type HttpArgumentsOptions,
  httpChecks,
} from "./arguments.ts";
export { authenticationOf } from "./authentication-arguments.ts";
export type { HttpClient, HttpError, HttpReason, HttpRequest, HttpResponse } from "./client.ts";
export { createHttpClient, type HttpClientOptions } from "./create-http-client.ts";
export { diagnose, type DiagnoseOptions } from "./diagnose.ts";
export type { Diagnosis, DiagnosisStep, StepReport } from "./diagnosis.ts";
export { tlsHint } from "./tls-hint.ts";
export { plainHttpWarning } from "./plain-http-warning.ts";
export { headerNameProblem } from "./header-names.ts";
export { formatUnixUrl, isUnixUrl, meantUnixUrl, parseUnixUrl, type UnixUrl, unixUrlProblem } from "./unix-url.ts";
