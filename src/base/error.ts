/**
 * An error of ours. `reason` comes from a closed set of the room that throws it and doubles as a metric's label; the
 * message says what could not be done, why, the value that was there and what to do.
 */
export class AgentError<Reason extends string = string> extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.reason = reason;
  }
}

/** The text of whatever was thrown, for a message or a log field. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
