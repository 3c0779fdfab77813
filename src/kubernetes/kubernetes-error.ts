import { AgentError } from "../base/index.ts";

/**
 * Why the API server cannot be asked or did not tell, beside the reasons of the HTTP client. `no_account`, `kubeconfig`: nobody to be there;
 * `unauthorized`, `forbidden`, `status`: it refuses; `gone`: the version to watch from is too old; `bad_answer`: not what the API says;
 * `too_large`, `too_many`: above a limit.
 */
export type KubernetesReason =
  | "no_account"
  | "kubeconfig"
  | "unauthorized"
  | "forbidden"
  | "status"
  | "gone"
  | "bad_answer"
  | "too_large"
  | "too_many";

/** What this room throws: what could not be done, why, and what to do. */
export class KubernetesError extends AgentError<KubernetesReason> {
  /** The HTTP status that it refuses with; undefined where the reason is another, also for an error that an accepted watch tells of. */
  readonly status: number | undefined;

  constructor(reason: KubernetesReason, message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(reason, message, options);
    this.status = options.status;
  }
}
