import { AgentError } from "../base/index.ts";

/** What was read, or else why it cannot be. */
export type Reading = { readonly text: string } | { readonly problem: string };

/** Reads a file or a secret for a check: what cannot be read is an answer. */
export async function readOrProblem(source: { read(): Promise<string> }): Promise<Reading> {
  try {
    return { text: await source.read() };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { problem: thrown.message };
  }
}
