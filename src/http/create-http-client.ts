import process from "node:process";
import { AgentError, type Clock, formatDuration, systemClock } from "../base/index.ts";
import { type Logger, silentLogger } from "../observability/index.ts";
import { basicHeader } from "./credentials/basic-header.ts";
import { decodedUserinfo } from "./decoded-userinfo.ts";
import { answeredRequest } from "./answered-request.ts";
import type { HttpArguments } from "./arguments.ts";
import type { HttpClient, HttpError, HttpRequest, HttpResponse } from "./client.ts";
import { createConnector } from "./connection/connector.ts";
import { createCredentials, type Credentials } from "./credentials/credentials.ts";
import { exchange, type ExchangeOptions } from "./exchange.ts";
import type { Hop } from "./hop.ts";
import { nameOf } from "./http-error.ts";
import { forwardingRefusal } from "./proxy/forwarding-refusal.ts";
import { Interruption } from "./interruption.ts";
import { maskEcho } from "./mask-echo.ts";
import { createProxyRule, type Proxy } from "./proxy/proxies.ts";
import { redirectedError, RedirectTrail, redirectedHop } from "./redirect.ts";
import { revealedHeaders } from "./revealed-headers.ts";
import { createTlsExplainer, type TlsExplainer } from "./tls/tls-explainer.ts";
import { createTlsSettings } from "./tls/tls-settings.ts";
import { parseUnixUrl } from "./unix-url.ts";

export interface HttpClientOptions {
  /** The client's arguments; what is missing has its default. */
  readonly args?: HttpArguments;
  /** Measures the deadlines; the system's clock by default. */
  readonly clock?: Clock;
  /** Takes what goes wrong beside requests, such as a certificate that cannot be read again. */
  readonly log?: Logger;
  /** Where `proxy_from_environment` looks; that of the process by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A client with its own connections, as its arguments want them (reference 4). */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const { args = {}, clock = systemClock, log = silentLogger, environment = process.env } = options;
  const connector = createConnector({
    tls: createTlsSettings(args.tls_config, { log, clock }),
    proxyOf: createProxyRule(args, environment),
    http2: args.enable_http2 ?? true,
  });
  const credentials = createCredentials(args, {
    clock,
    log,
    tokenClient: (tokenArgs) => createHttpClient({ args: tokenArgs, clock, log, environment }),
  });
  const explain = createTlsExplainer(connector, clock);
  const configured = lowerCase(revealedHeaders(args.http_headers));
  const { follow_redirects = true } = args;
  return {
    async request(request) {
      const start = firstHop(request, configured);
      const interruption = new Interruption(request, clock);
      const send = (hop: Hop): Promise<Arrival> =>
        follow(hop, { connector, interruption, explain, followsRedirects: follow_redirects });
      try {
        if (!credentials || "authorization" in start.headers) return (await send(start)).response;
        return await sendAuthenticated(start, { credentials, interruption, send });
      } finally {
        interruption.release();
      }
    },
    close: () => connector.close(),
  };
}

/** A response, and the hop that it answers. */
interface Arrival {
  readonly response: HttpResponse;
  readonly hop: Hop;
}

interface AuthenticatedOptions {
  readonly credentials: Credentials;
  readonly interruption: Interruption;
  readonly send: (hop: Hop) => Promise<Arrival>;
}

/** Sends with credentials; once more where the server turns them away and there are others by now. */
async function sendAuthenticated(start: Hop, options: AuthenticatedOptions): Promise<HttpResponse> {
  const { credentials, interruption, send } = options;
  const inTime = <T>(promise: Promise<T>): Promise<T> =>
    interruption.race(promise, (reason) => authenticationInterrupted(reason, start, interruption.timeoutMs));
  const attempt = async (): Promise<Arrival & { value: string }> => {
    const value = await inTime(credentials.authorization());
    return { ...(await send({ ...start, headers: { ...start.headers, authorization: value } })), value };
  };
  const { response, hop, value } = await attempt();
  // After a redirect it may be another host that turns away what it never got.
  if (response.status !== 401 || hop.headers.authorization !== value) return response;
  return (await inTime(credentials.refused(value))) ? (await attempt()).response : response;
}

function authenticationInterrupted(reason: "timeout" | "canceled", start: Hop, timeoutMs: number): HttpError {
  const host = nameOf(start);
  const message =
    reason === "timeout"
      ? `Cannot authenticate to "${host}" within ${formatDuration(timeoutMs)}: the credentials are not there yet; does the token server answer?`
      : `Canceled the request to "${host}"`;
  return new AgentError(reason, message);
}

interface FollowOptions extends ExchangeOptions {
  readonly followsRedirects: boolean;
  readonly explain: TlsExplainer;
}

async function follow(start: Hop, options: FollowOptions): Promise<Arrival> {
  let trail: RedirectTrail | undefined;
  for (let hop = start; ; ) {
    const proxy = options.connector.proxyTo(hop.url);
    const response = await answerTo(hop, { ...options, proxy }).catch((thrown: unknown) => {
      throw redirectedError(thrown, { start, hop });
    });
    const next = options.followsRedirects ? redirectedHop(hop, response) : undefined;
    if (!next)
      return { response: { ...withoutEcho(response, hop), request: answeredRequest({ start, hop, proxy }) }, hop };
    trail ??= new RedirectTrail(start);
    trail.enter(next.url);
    hop = next;
  }
}

async function answerTo(
  hop: Hop,
  { proxy, ...options }: FollowOptions & { readonly proxy: Proxy | undefined },
): Promise<HttpResponse> {
  const response = await exchangeOrExplain(hop, options);
  const refusal = response.status === 407 && forwardingRefusal(hop, response, proxy);
  if (refusal) throw refusal;
  return response;
}

async function exchangeOrExplain(hop: Hop, options: FollowOptions): Promise<HttpResponse> {
  try {
    return await exchange(hop, options);
  } catch (thrown) {
    throw await options.explain(thrown, hop.url, options.interruption);
  }
}

/** The response, which must not tell anybody what was sent with the request. */
function withoutEcho(response: HttpResponse, hop: Hop): HttpResponse {
  const masked = (text: string): string => maskEcho(text, hop);
  if (response.status >= 200 && response.status < 300) return { ...response, masked };
  const text = Buffer.from(response.body).toString();
  const quiet = masked(text);
  return { ...response, masked, ...(quiet !== text && { body: Buffer.from(quiet) }) };
}

type Headers = Hop["headers"];

function firstHop(request: HttpRequest, configured: Headers): Hop {
  const { method, url: text, headers = {}, body, maxBytes, sink } = request;
  const unix = text.startsWith("unix:") ? parseUnixUrl(text) : undefined;
  const url = unix ? unix.url : URL.parse(text);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    // Not shown: what is no URL may still hold a password.
    throw new AgentError(
      "protocol",
      "Cannot send a request: its URL is not an http, https or unix URL; check address and scheme",
    );
  }
  const whole = { ...configured, ...basicAuthorization(url), ...lowerCase(headers) };
  return { method, url, socketPath: unix?.socketPath, headers: whole, body, maxBytes, sink };
}

/** Names in lower case, so that a request's own header takes the place of a configured one. */
function lowerCase(headers: Headers): Headers {
  const lower: Record<string, string | readonly string[]> = {};
  for (const name in headers) lower[name.toLowerCase()] = headers[name] as string;
  return lower;
}

/** Userinfo as the header it stands for, so that it is kept from other hosts like every other header. */
function basicAuthorization({ username, password }: URL): { authorization?: string } {
  if (username === "" && password === "") return {};
  return { authorization: basicHeader(decodedUserinfo(username), decodedUserinfo(password)) };
}
