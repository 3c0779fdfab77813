import { DiscoveryError } from "./discovery-error.ts";
import { JsonProblem, parseJson } from "./parse-json.ts";

export interface AnsweredJsonOptions {
  /** How a message begins: `Cannot take targets from "http://sd/targets"`. */
  readonly cannot: string;
  /** Takes out of the answer what the agent authenticated with. */
  readonly masked: ((text: string) => string) | undefined;
  /** What to do about an answer that is no JSON. */
  readonly advice: string;
}

/** What an answer says in JSON. Rejects with a DiscoveryError that says where it breaks. */
export async function answeredJson(text: string, { cannot, masked, advice }: AnsweredJsonOptions): Promise<unknown> {
  if (text.trim() === "") throw new DiscoveryError("bad_answer", `${cannot}: the answer is empty; ${advice}`);
  try {
    return await parseJson(text, masked);
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause;
    const { line, column, message } = cause;
    const where = `line ${line}, column ${column}`;
    throw new DiscoveryError("bad_answer", `${cannot}: the answer is not JSON, ${where}: ${message}; ${advice}`, {
      cause,
    });
  }
}
