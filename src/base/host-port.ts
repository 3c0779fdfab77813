import { isIPv6 } from "node:net";

/** Host and port in one text, an IPv6 address in brackets. */
export function hostPort(host: string, port: number | string): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
