import type { ConnectionOptions } from "node:tls";
import { AgentError, type Clock, limits } from "../../base/index.ts";
import type { Connector } from "../connection/connector.ts";
import { explainTlsFailure } from "./explain-tls-failure.ts";
import { hostOf } from "../http-error.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { proxyName } from "../proxy/proxy-address.ts";
import { ProxyFailure } from "../proxy/proxy-failure.ts";
import type { Interruption } from "../interruption.ts";

/** An error in more words, where a look at the server's certificate finds some; else the error itself. */
export type TlsExplainer = (thrown: unknown, url: URL, interruption: Interruption) => Promise<unknown>;

interface Explanation {
  readonly text: Promise<string | undefined>;
  /** When the next look is due, on the monotonic clock. */
  untilMs: number;
}

/**
 * Explains errors with the reason `tls`. It takes one more connection, on which nothing is sent: one for each host and kind of error
 * in `limits.tlsExplanationMs`, whose answer all requests share; where it told nothing, such as because another certificate is there
 * by now, one in `limits.tlsExplanationRetryMs`.
 */
export function createTlsExplainer(connector: Connector, clock: Clock): TlsExplainer {
  const known = new Map<string, Explanation>();
  return async (thrown, url, interruption) => {
    const code = tlsCode(thrown);
    if (code === undefined || interruption.reason) return thrown;
    const proxy = connector.proxyTo(url);
    // A request in plain http meets TLS at its proxy only.
    const blamed = proxy && (thrown instanceof ProxyFailure || url.protocol === "http:") ? proxy : undefined;
    const key = `${code} ${blamed ? `proxy ${blamed.url.host}` : url.host}`;
    const nowMs = clock.monotonic();
    let explanation = known.get(key);
    if (!explanation || nowMs >= explanation.untilMs) {
      explanation = begin({ connector, code, url, clock, proxy: blamed }, nowMs);
      known.delete(key);
      known.set(key, explanation);
      const [oldest] = known.keys();
      if (known.size > limits.tlsExplanations && oldest !== undefined) known.delete(oldest);
    }
    const text = await interruption.race(explanation.text, () => thrown as Error);
    return text === undefined
      ? thrown
      : new AgentError("tls", `Cannot make a TLS connection to ${nameOf(url, blamed)}: ${text}`, { cause: thrown });
  };
}

function nameOf(url: URL, proxy: Proxy | undefined): string {
  return proxy ? `the proxy "${proxyName(proxy)}"` : `"${hostOf(url)}"`;
}

function tlsCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof AgentError) || thrown.reason !== "tls") return undefined;
  return (thrown.cause as { code?: string } | undefined)?.code;
}

function begin(how: Look, nowMs: number): Explanation {
  const explanation = { text: look(how), untilMs: nowMs + limits.tlsExplanationMs };
  void explanation.text.then((text) => {
    if (text === undefined) explanation.untilMs = nowMs + limits.tlsExplanationRetryMs;
  });
  return explanation;
}

interface Look {
  readonly connector: Connector;
  readonly code: string;
  readonly url: URL;
  readonly clock: Clock;
  /** Looked at in place of the host of `url`. */
  readonly proxy: Proxy | undefined;
}

async function look({ connector, code, url, clock, proxy }: Look): Promise<string | undefined> {
  const signal = AbortSignal.timeout(limits.tlsExplanationTimeoutMs);
  try {
    const reconnect = (over: ConnectionOptions = {}) =>
      connector.connectTls(url, { over: { ...over, rejectUnauthorized: false }, signal, toProxy: proxy !== undefined });
    return await explainTlsFailure({ code, url: proxy?.url ?? url, isProxy: proxy !== undefined, reconnect, clock });
  } catch {
    // The first error stands as it is: this was only to say more about it.
    return undefined;
  }
}
