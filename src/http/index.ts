/**
 * http: the one client that scraping, pushing and (later) discovery share.
 */
export type { HttpClient, HttpError, HttpReason, HttpRequest, HttpResponse } from "./client.ts";
