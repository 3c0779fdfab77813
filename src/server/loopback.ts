import { isIPv4 } from "node:net";

/** Whether an address is this machine's own: 127.0.0.0/8, ::1, and the former as IPv6 sockets show it, `::ffff:127.0.0.1`. */
export function isLoopback(address: string): boolean {
  if (isIPv4(address)) return address.startsWith("127.");
  // One of the many ways to write an IPv6 address.
  const canonical = URL.parse(`http://[${address}]`)?.hostname;
  return canonical === "[::1]" || /^\[::ffff:7f[0-9a-f]{2}:/.test(canonical ?? "");
}

/** Whether a Host header, `localhost:12345`, can only mean this machine, whatever name servers say. */
export function namesLoopback(host: string): boolean {
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d*)?$/.exec(host) ?? [];
  return bracketed === undefined
    ? plain.toLowerCase() === "localhost" || (isIPv4(plain) && isLoopback(plain))
    : isLoopback(bracketed);
}
