import { hostPort } from "../../base/index.ts";
import { basicHeader } from "../credentials/basic-header.ts";
import type { Proxy } from "./proxies.ts";

const schemePorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "socks5:": 1080 };

/** Where a proxy listens; the host without brackets. */
export function proxyAddress({ url }: Proxy): { host: string; port: number } {
  const { hostname, port, protocol } = url;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || (schemePorts[protocol] as number) };
}

/** `host:port` of a proxy, as it stands in messages. */
export function proxyName(proxy: Proxy): string {
  const { host, port } = proxyAddress(proxy);
  return hostPort(host, port);
}

/** The header that a proxy's user name and password make (RFC 9110, 11.7.2; RFC 7617); none without them. */
export function proxyAuthorization({ username, password }: Proxy): { "Proxy-Authorization"?: string } {
  if (username === undefined && password === undefined) return {};
  return { "Proxy-Authorization": basicHeader(username ?? "", password ?? "") };
}
