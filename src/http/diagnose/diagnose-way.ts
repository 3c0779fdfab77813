import { lookup } from "node:dns/promises";
import { connect, isIP, type NetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { AgentError, type Clock, hostPort } from "../../base/index.ts";
import { type Finding, type RunStep, StepFailure } from "./diagnosis.ts";
import { tlsStepFailure } from "./diagnose-tls.ts";
import { addressOf, dial } from "../connection/dial.ts";
import { hostOf, type Progress, transportError } from "../http-error.ts";
import { wayToProxy } from "../connection/way-to-proxy.ts";
import { openTunnel } from "../proxy/open-tunnel.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { proxyAddress, proxyName } from "../proxy/proxy-address.ts";
import { ProxyFailure } from "../proxy/proxy-failure.ts";
import type { TlsOptions } from "../tls/tls-settings.ts";
import { isUnixUrl, parseUnixUrl, unixUrlProblem } from "../unix-url.ts";

/** Where a request goes. */
export interface Destination {
  readonly url: URL;
  readonly socketPath: string | undefined;
}

/** Throws an HttpError where the text is no URL that a request can be made to. */
export function readAddress(text: string): Finding<Destination> {
  const problem = isUnixUrl(text) ? unixUrlProblem(text) : undefined;
  if (problem !== undefined) throw new AgentError("protocol", `Cannot send a request: ${problem}`);
  const unix = parseUnixUrl(text);
  if (unix)
    return {
      text: `plain HTTP over the unix socket "${unix.socketPath}"`,
      value: { url: unix.url, socketPath: unix.socketPath },
    };
  const url = URL.parse(text);
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new AgentError("protocol", "Cannot send a request: this is no http, https or unix URL");
  const how = url.protocol === "https:" ? "HTTP over TLS" : "plain HTTP";
  return { text: `${how} to ${hostOf(url)}`, value: { url, socketPath: undefined } };
}

/** What the first connection is made to: the host of `url`, or the proxy on the way to it. */
export interface NextHop {
  readonly url: URL;
  readonly proxy: Proxy | undefined;
}

/** The address that stands in the URL, or those that its host name has. */
export async function findAddresses(next: NextHop, run: RunStep): Promise<readonly string[]> {
  const { host } = endOf(next);
  if (isIP(host)) return [host];
  return run("dns", async () => {
    const found = await lookup(host, { all: true }).catch((thrown: unknown) => {
      throw transportError(thrown, progressTo(next));
    });
    const addresses = found.map(({ address }) => address);
    return { text: `${host} is ${addresses.join(", ")}`, value: addresses };
  });
}

// An address that does not reply must leave time for the next one.
const attemptMs = 5000;

/** Connects to the first of the addresses that lets it. */
export async function connectTo(
  addresses: readonly string[],
  { signal, ...next }: NextHop & { readonly signal: AbortSignal },
): Promise<Finding<undefined>> {
  const { port } = endOf(next);
  const failures: string[] = [];
  let last: unknown;
  for (const host of addresses) {
    const shown = hostPort(host, port);
    const isLast = failures.length === addresses.length - 1;
    try {
      const limit = isLast ? signal : AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]);
      await connectOnce({ host, port }, limit);
      return { text: shown, details: failures, value: undefined };
    } catch (thrown) {
      last = thrown;
      failures.push(`not ${shown}: ${codeOf(thrown) ?? "no reply"}`);
    }
  }
  const { reason, message } = transportError(last, progressTo(next));
  throw new StepFailure(reason, message, { details: addresses.length > 1 ? failures : [], cause: last });
}

/** Connects to a unix socket. */
export async function connectSocket(
  path: string,
  { url, signal }: { url: URL; signal: AbortSignal },
): Promise<Finding<undefined>> {
  await connectOnce({ path }, signal).catch((thrown: unknown) => {
    throw transportError(thrown, { url, socketPath: path, stage: "connecting", bodyBytes: 0 });
  });
  return { text: `"${path}"`, value: undefined };
}

function endOf({ url, proxy }: NextHop): { host: string; port: number } {
  return proxy ? proxyAddress(proxy) : addressOf(url);
}

function progressTo({ url, proxy }: NextHop): Progress {
  return { url, stage: "connecting", bodyBytes: 0, ...(proxy && { via: proxyName(proxy) }) };
}

function codeOf(thrown: unknown): string | undefined {
  return (thrown as { code?: string }).code;
}

export interface Tunnel {
  readonly url: URL;
  readonly proxy: Proxy;
  readonly tls: TlsOptions;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Has the proxy connect to the host. */
export async function tunnelThrough({ url, proxy, tls, signal, clock }: Tunnel): Promise<Finding<undefined>> {
  const socket = await openTunnel({ ...addressOf(url), proxy, tls, signal, clock }).catch(async (thrown: unknown) => {
    if (!(thrown instanceof ProxyFailure) || thrown.reason !== "tls") throw thrown;
    const open = async (over: ConnectionOptions) =>
      (await dial({ ...wayToProxy(proxy, tls), over, signal })) as TLSSocket;
    throw await tlsStepFailure(thrown, { url: proxy.url, isProxy: true, clock, http2: false, open });
  });
  socket.destroy();
  return { text: `the proxy connects to ${hostOf(url)}`, value: undefined };
}

/** Opens a connection and closes it again. */
function connectOnce(to: NetConnectOpts, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(to);
    const settle = (end: () => void) => (): void => {
      signal.removeEventListener("abort", onAbort);
      end();
      socket.destroy();
    };
    const onAbort = settle(() => reject(new Error("No reply")));
    socket.on("error", (error) => settle(() => reject(error))());
    socket.once("connect", settle(resolve));
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
