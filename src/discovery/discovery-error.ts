import { AgentError } from "../base/index.ts";

/**
 * Why a look found nothing, beside the reasons of the HTTP client; the label `reason` of the metric that counts failures. `status`,
 * `content_type`, `bad_answer`: what came is not what the protocol says. `unreadable`, `missing`: a file. `dns`: a name server. `timeout`: of many questions, not all were answered in time. `permission`: a socket that
 * belongs to others. `unsupported`: not on this system. `too_large`,
 * `too_many_targets`: above a limit.
 */
export type DiscoveryReason =
  | "status"
  | "content_type"
  | "bad_answer"
  | "unreadable"
  | "missing"
  | "dns"
  | "timeout"
  | "permission"
  | "unsupported"
  | "too_large"
  | "too_many_targets";

/** What mechanisms throw and report: what could not be found out, why, and what to do. */
export class DiscoveryError extends AgentError<DiscoveryReason> {
  /** Of reason `status`: which one. */
  readonly status: number | undefined;

  constructor(reason: DiscoveryReason, message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(reason, message, options);
    this.status = options.status;
  }
}
