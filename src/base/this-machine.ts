/**
 * Whether a request to this URL stays on the machine that makes it: a unix socket, localhost, every loopback address, and the addresses
 * that stand for no host in particular, which systems connect to themselves.
 */
export function isThisMachine(url: string): boolean {
  if (/^unix:\//i.test(url)) return true;
  const hostname = URL.parse(url)?.hostname ?? "";
  return /^(?:(?:.+\.)?localhost\.?|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:(?:7f[0-9a-f]{2}|0):[0-9a-f]{1,4}\])$/.test(
    hostname,
  );
}
