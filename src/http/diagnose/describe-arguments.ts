import type { HttpArguments } from "../arguments.ts";
import type { Proxy } from "../proxy/proxies.ts";
import { proxyName } from "../proxy/proxy-address.ts";

interface Route {
  readonly proxy: Proxy | undefined;
  readonly url: URL;
  readonly args: HttpArguments;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Through which proxy a request goes, and why; `undefined` where nobody would expect one. */
export function describeRoute({
  proxy,
  url,
  args,
  environment,
}: Route): { text: string; details: readonly string[] } | undefined {
  const from = args.proxy_from_environment ? "the environment names it" : "proxy_url names it";
  if (proxy)
    return { text: `through ${proxy.url.protocol}//${proxyName(proxy)} (${from})`, details: proxyDetails(proxy) };
  const none = whyNoProxy({ url, args, environment });
  return none === undefined ? undefined : { text: `none: ${none}`, details: [] };
}

function whyNoProxy({ url, args, environment }: Omit<Route, "proxy">): string | undefined {
  const variables = url.protocol === "https:" ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
  const set = variables.find((name) => environment[name]);
  if (args.proxy_url) return "no_proxy excludes this host";
  if (!args.proxy_from_environment) return set && `${set} is set, but proxy_from_environment is not`;
  return set ? `${set} is set, but NO_PROXY excludes this host, or it is this machine` : `${variables[0]} is not set`;
}

function proxyDetails({ username, password, connectHeaders }: Proxy): readonly string[] {
  const names = Object.keys(connectHeaders);
  return [
    ...(username === undefined && password === undefined ? [] : ["with a user name and password for the proxy"]),
    ...(names.length === 0 ? [] : [`headers to the proxy: ${names.join(", ")}`]),
  ];
}

interface Authenticated {
  readonly url: URL;
  readonly args: HttpArguments;
  /** Those of the request itself. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What authenticates a request and where it comes from, never the value; `undefined` where nothing does. */
export function describeAuthentication(request: Authenticated): string | undefined {
  const { basic_auth: basic, authorization, oauth2, bearer_token, bearer_token_file, http_headers = {} } = request.args;
  const written = writtenAuthentication(request);
  if (written !== undefined) return written;
  if (basic) return `basic_auth, ${secretFrom(basic.password_file, "password")}`;
  if (authorization)
    return `authorization of type "${authorization.type}", ${secretFrom(authorization.credentials_file, "credentials")}`;
  if (oauth2) return `oauth2, a token of ${new URL(oauth2.token_url).origin} for client "${oauth2.client_id}"`;
  if (bearer_token !== undefined || bearer_token_file !== undefined)
    return `bearer token, ${secretFrom(bearer_token_file, "token")}`;
  return hasHeader(http_headers, "authorization") ? "the header Authorization of http_headers" : undefined;
}

/** What authenticates the request in place of the arguments; `undefined` where they do. */
export function writtenAuthentication({ url, headers }: Authenticated): string | undefined {
  if (hasHeader(headers, "authorization")) return "the header Authorization of the configuration";
  return url.username === "" && url.password === "" ? undefined : "the user name and password in the URL";
}

function secretFrom(file: string | undefined, name: string): string {
  return file === undefined ? `${name} of the configuration` : `${name} read from "${file}"`;
}

/** The names of the headers that a request carries, in a line; none where it has none of its own. */
export function sentHeaders(request: Authenticated): readonly string[] {
  const own = [...Object.keys(request.headers), ...Object.keys(request.args.http_headers ?? {})];
  const all = describeAuthentication(request) === undefined ? own : [...own, "authorization"];
  const names = [...new Set(all.map((name) => name.toLowerCase()))];
  return names.length === 0 ? [] : [`headers sent: ${names.sort().join(", ")}`];
}

function hasHeader(headers: Readonly<Record<string, unknown>>, name: string): boolean {
  return Object.keys(headers).some((one) => one.toLowerCase() === name);
}
