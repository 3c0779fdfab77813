import { AgentError, splitHint } from "../base/index.ts";

/** Where it is neither the file nor the arguments that are at fault. */
export const lookAtServer =
  "look at the server that names the targets: until it answers, those it named before are scraped on";

/** Where there is more than a limit. */
export const narrowDown = "narrow down what is discovered, or divide it among several components";

/** What to do about failures whose messages do not say it, by reason: those of the HTTP client, which does not know whom it asks. */
const advice: Readonly<Record<string, string>> = {
  timeout: lookAtServer,
  reset: lookAtServer,
  truncated: lookAtServer,
  unreachable: "see that this machine's network leads to the server that names the targets",
  protocol: "see that the address is that of an HTTP server that names the targets",
  too_large: narrowDown,
  too_many: narrowDown,
  too_many_targets: narrowDown,
};

/** The same failure, with what to do about it. */
export function advised(error: unknown): unknown {
  if (!(error instanceof AgentError) || splitHint(error.message).hint !== undefined) return error;
  const hint = advice[error.reason];
  return hint === undefined
    ? error
    : new AgentError(error.reason, `${error.message}; ${hint}`, { cause: error.cause ?? error });
}
