import { AgentError } from "../../base/index.ts";
import type { HttpError, HttpReason } from "../client.ts";
import { transportError } from "../http-error.ts";
import type { Proxy } from "./proxies.ts";
import { proxyName } from "./proxy-address.ts";

/** A connection that a proxy is asked for. */
export interface TunnelRequest {
  readonly proxy: Proxy;
  /** `host:port` */
  readonly target: string;
}

/** The error for a connection that the proxy does not give; `why` begins with "it". */
export function tunnelError(reason: HttpReason, { proxy, target }: TunnelRequest, why: string): HttpError {
  return new AgentError(reason, `Cannot connect to "${target}" through the proxy "${proxyName(proxy)}": ${why}`);
}

/** A connection to the proxy itself that failed or broke. */
export class ProxyFailure extends AgentError<HttpReason> {}

/** The error for a connection to the proxy that failed or broke: the words for any host, with the proxy as the culprit. */
export function proxyFailure(thrown: unknown, proxy: Proxy): ProxyFailure {
  const scheme = proxy.url.protocol === "https:" ? "https" : "http";
  const url = new URL(`${scheme}://${proxyName(proxy)}`);
  const { reason, message } = transportError(thrown, { url, stage: "connecting", bodyBytes: 0 });
  return new ProxyFailure(reason, message.replace('"', 'the proxy "'), { cause: thrown });
}

/** What a connection that was closed in order, but too early, fails with. */
export function closedError(): Error {
  return Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
}
