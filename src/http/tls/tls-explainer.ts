import type { ConnectionOptions } from "node:tls";
import { AgentError, type Clock, limits } from "../../base/index.ts";
import type { Connector } from "../connection/connector.ts";
import { explainTlsFailure } from "./explain-tls-failure.ts";
import { hostOf } from "../http-error.ts";
import type { Interruption } from "../interruption.ts";

/** An error in more words, where a look at the server's certificate finds some; else the error itself. */
export type TlsExplainer = (thrown: unknown, url: URL, interruption: Interruption) => Promise<unknown>;

interface Explanation {
  readonly text: Promise<string | undefined>;
  readonly atMs: number;
}

/**
 * Explains errors with the reason `tls`. It takes one more connection, on which nothing is sent: one for each host and kind of error
 * in `limits.tlsExplanationMs`, whose answer all requests share.
 */
export function createTlsExplainer(connector: Connector, clock: Clock): TlsExplainer {
  const known = new Map<string, Explanation>();
  return async (thrown, url, interruption) => {
    const code = tlsCode(thrown);
    if (code === undefined || interruption.reason) return thrown;
    const key = `${code} ${url.host}`;
    let explanation = known.get(key);
    if (!explanation || clock.monotonic() - explanation.atMs > limits.tlsExplanationMs) {
      explanation = { text: look({ connector, code, url, clock }), atMs: clock.monotonic() };
      known.delete(key);
      known.set(key, explanation);
      const [oldest] = known.keys();
      if (known.size > limits.tlsExplanations && oldest !== undefined) known.delete(oldest);
    }
    const text = await interruption.race(explanation.text, () => thrown as Error);
    return text === undefined
      ? thrown
      : new AgentError("tls", `Cannot make a TLS connection to "${hostOf(url)}": ${text}`, { cause: thrown });
  };
}

function tlsCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof AgentError) || thrown.reason !== "tls") return undefined;
  return (thrown.cause as { code?: string } | undefined)?.code;
}

interface Look {
  readonly connector: Connector;
  readonly code: string;
  readonly url: URL;
  readonly clock: Clock;
}

async function look({ connector, code, url, clock }: Look): Promise<string | undefined> {
  const signal = AbortSignal.timeout(limits.tlsExplanationTimeoutMs);
  try {
    const reconnect = (over: ConnectionOptions = {}) =>
      connector.connectTls(url, { over: { ...over, rejectUnauthorized: false }, signal });
    return await explainTlsFailure({ code, url, reconnect, clock });
  } catch {
    // The first error stands as it is: this was only to say more about it.
    return undefined;
  }
}
