import { AgentError } from "../../base/index.ts";
import { httpUrlProblem } from "../../schema/index.ts";
import type { HttpArguments } from "../arguments.ts";
import { decodedUserinfo } from "../decoded-userinfo.ts";
import { revealedHeaders } from "../revealed-headers.ts";
import { parseNoProxy } from "./no-proxy.ts";
import { proxySchemes } from "./proxy-arguments.ts";

/** A proxy as requests need it. */
export interface Proxy {
  /** http, https or socks5; without userinfo. */
  readonly url: URL;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Sent with CONNECT. */
  readonly connectHeaders: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * Says which proxy a URL is reached through; `undefined` is none. Throws an HttpError, reason `proxy`, where the environment
 * names one for this URL that cannot be used: going around it in silence is not what was asked for.
 */
export type ProxyOf = (url: URL) => Proxy | undefined;

export type ProxyArguments = Pick<
  HttpArguments,
  "proxy_url" | "no_proxy" | "proxy_from_environment" | "proxy_connect_header"
>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The rule that the arguments and the environment make, which is read now; `undefined` where nothing ever goes through a proxy.
 * `proxy_url` alone takes everything, localhost too (reference 4.3).
 */
export function createProxyRule(args: ProxyArguments, environment: Environment): ProxyOf | undefined {
  const connectHeaders = revealedHeaders(args.proxy_connect_header);
  if (args.proxy_url) {
    const proxy = parseProxy({ name: "proxy_url", value: args.proxy_url.reveal() }, connectHeaders);
    const isDirect = args.no_proxy ? parseNoProxy(args.no_proxy) : () => false;
    return (url) => (isDirect(url) ? undefined : usable(proxy));
  }
  return args.proxy_from_environment ? environmentRule(environment, connectHeaders) : undefined;
}

function environmentRule(environment: Environment, connectHeaders: Proxy["connectHeaders"]): ProxyOf | undefined {
  const proxyOf = (variable: string): Proxy | Unusable | undefined => {
    const setting = settingOf(variable, environment);
    return setting && parseProxy(setting, connectHeaders);
  };
  const forHttp = proxyOf("HTTP_PROXY");
  const forHttps = proxyOf("HTTPS_PROXY");
  if (!forHttp && !forHttps) return undefined;
  const isDirect = parseNoProxy(settingOf("NO_PROXY", environment)?.value ?? "");
  return (url) => {
    const proxy = url.protocol === "https:" ? forHttps : forHttp;
    return proxy && !isDirect(url) ? usable(proxy) : undefined;
  };
}

/** Where a value was written, and which. */
interface Setting {
  readonly name: string;
  readonly value: string;
}

/** The variable in upper case, else in lower case; an empty one counts as unset. */
function settingOf(variable: string, environment: Environment): Setting | undefined {
  for (const name of [variable, variable.toLowerCase()]) {
    const value = environment[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

/** A proxy that was configured and is no URL of one. */
interface Unusable {
  readonly problem: string;
}

function usable(proxy: Proxy | Unusable): Proxy {
  if ("problem" in proxy) throw new AgentError("proxy", proxy.problem);
  return proxy;
}

function parseProxy({ name, value }: Setting, connectHeaders: Proxy["connectHeaders"]): Proxy | Unusable {
  const whole = value.includes("://") ? value : `http://${value}`;
  const problem = httpUrlProblem(whole, proxySchemes);
  const url = URL.parse(whole);
  if (problem !== undefined || !url)
    return { problem: `Cannot use the proxy of ${name}: ${problem}; correct or remove it` };
  // socks5h says that the proxy looks names up, which is what happens with socks5 too.
  const scheme = url.protocol === "socks5h:" ? "socks5:" : url.protocol;
  return {
    url: new URL(`${scheme}//${url.host}`),
    username: decodedUserinfo(url.username) || undefined,
    password: decodedUserinfo(url.password) || undefined,
    connectHeaders,
  };
}
