import { type AgentError, errorMessage, splitHint } from "../base/index.ts";
import { shellQuoted } from "./shell-quoted.ts";
import type { StatusAddress } from "./status-address.ts";

/** That no agent could be asked. */
export interface Unreachable {
  readonly url?: string;
  /** What was tried and what came of it. */
  readonly unreachable: string;
  readonly next: string;
}

/** The request failed. `url` is without userinfo. */
export function noAnswer(error: AgentError, { url, source, file }: StatusAddress): Unreachable {
  const { what, hint } = splitHint(errorMessage(error));
  const unreachable = (nothing: string): string => `${nothing} at ${url} (${source}): ${what}`;
  if (error.reason !== "timeout") return { url, unreachable: unreachable("No agent"), next: howToReach(file) };
  // Without a hint somebody took the connection: an agent that runs must not be started again.
  const hanging =
    "something listens there: where it is the agent, look at its log and at its CPU time, and restart it if that goes on";
  return { url, unreachable: unreachable("No answer"), next: hint ?? hanging };
}

/** What answered is no agent of this version. */
export function somethingElse({
  url,
  source,
  status,
}: Pick<StatusAddress, "url" | "source"> & { readonly status: number }): Unreachable {
  const why = `something else answers there, or an agent of another version, with status ${status}`;
  const next = "check the address, and that agent and command are of the same version";
  return { url, unreachable: `No agent at ${url} (${source}): ${why}`, next };
}

function howToReach(file: string | undefined): string {
  return file === undefined
    ? "start the agent, or say where it listens with --config FILE or --url http://HOST:PORT"
    : `start it with \`agent --config ${shellQuoted(file)}\`; one that runs listens where --listen or the file said when it was started: give that with --url http://HOST:PORT`;
}
