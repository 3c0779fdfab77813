import { AgentError } from "../base/index.ts";

const statuses = {
  bad_parameter: 400,
  not_found: 404,
  /** Go's status for a profile that cannot be taken now; scrapers look for it. */
  cannot_profile: 500,
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
