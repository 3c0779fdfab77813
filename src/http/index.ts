/**
 * http: the one client that scraping, pushing and (later) discovery share.
 */
export {
  authenticationOf,
  httpArguments,
  type HttpArgumentsOptions,
  httpChecks,
  refuseAuthorizationHeader,
} from "./arguments.ts";
export type { HttpClient, HttpError, HttpReason, HttpRequest, HttpResponse } from "./client.ts";
export { createHttpClient, type HttpClientOptions } from "./create-http-client.ts";
export { headerNameProblem } from "./header-names.ts";
