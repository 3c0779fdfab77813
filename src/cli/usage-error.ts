import { AgentError } from "../base/index.ts";

/** The command line itself is wrong. The message ends with what to write instead. */
export class UsageError extends AgentError<"usage"> {
  constructor(message: string) {
    super("usage", message);
  }
}
