import type { Context } from "hono";
import { AgentError } from "../base/index.ts";

const statuses = {
  bad_parameter: 400,
  bad_request: 400,
  bad_configuration: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  nothing_to_reload: 409,
  /** Go's status for a profile that cannot be taken now; scrapers look for it. */
  cannot_profile: 500,
  internal: 500,
  unavailable: 503,
} as const;

export type RequestErrorReason = keyof typeof statuses;

/** An answer that is an error. The message is shown to whoever asked. */
export class RequestError extends AgentError<RequestErrorReason> {
  /** Further fields of a JSON answer. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(reason: RequestErrorReason, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(reason, message);
    this.details = details;
  }

  get status(): (typeof statuses)[RequestErrorReason] {
    return statuses[this.reason];
  }
}

/** Whether an answer is JSON: below /api, but for what is made for tools that read profiles, and wherever the request asks for it. */
export function wantsJson(c: Context): boolean {
  const { path } = c.req;
  if (path.startsWith("/api/")) return !path.startsWith("/api/v0/profiles/");
  return c.req.method === "POST" && /\bapplication\/json\b/i.test(c.req.header("accept") ?? "");
}
