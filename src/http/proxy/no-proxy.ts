import { BlockList, isIP } from "node:net";
import { found } from "../../schema/index.ts";

/** Says whether a URL is reached without the proxy. */
export type ProxyBypass = (url: URL) => boolean;

/** Where a URL leads: a name in lower case without trailing dot, or an IP address without brackets. */
interface Destination {
  readonly host: string;
  readonly port: string;
}

type Matcher = (destination: Destination) => boolean;

/**
 * Reads a list in the form of NO_PROXY, its entries separated by commas or spaces (golang.org/x/net/http/httpproxy): `*`, an IP
 * address, a CIDR block, a host name (its sub-domains too), `.name` or `*.name` (its sub-domains only); all but `*` with a port behind
 * a colon where only that port is meant. localhost and loopback addresses need no entry. An entry that is none of these matches
 * nothing. Names are compared as they are written: nothing is looked up.
 */
export function parseNoProxy(list: string): ProxyBypass {
  const entries = entriesOf(list);
  if (entries.includes("*")) return () => true;
  const matchers = ["127.0.0.0/8", "::1", ...entries].map(matcherOf);
  return (url) => {
    const destination = destinationOf(url);
    return destination.host === "localhost" || matchers.some((matches) => matches(destination));
  };
}

/** The entries that match nothing, a sentence each. */
export function noProxyProblems(list: string): readonly string[] {
  return entriesOf(list).flatMap((entry) => {
    const problem = entryProblem(entry);
    return problem === undefined ? [] : [`${found(entry)} matches nothing: ${problem}`];
  });
}

function entryProblem(entry: string): string | undefined {
  if (entry === "*") return undefined;
  if (/:\/\/|[?#@\\]/.test(entry)) return "write the host alone";
  const { host, port } = splitEntry(entry);
  if (port !== "" && (Number(port) < 1 || Number(port) > 65_535)) return "a port is a number from 1 to 65535";
  if (host.includes("/")) return blockProblem(host);
  if (/^[\d.]+$/.test(host) && isIP(host) === 0) return "it is no IP address; a block of them is written as 10.0.0.0/8";
  const name = host.replace(/^\*?\./, "");
  if (name === "") return "it names no host";
  return name.includes("*") ? "a * stands alone, or for all sub-domains as in *.example.com" : undefined;
}

function blockProblem(block: string): string | undefined {
  const [, address = "", prefix = ""] = /^([^/]*)\/(.*)$/.exec(block) ?? [];
  const version = isIP(address);
  if (version === 0) return "before the / stands no IP address; a block is written as 10.0.0.0/8";
  const bits = version === 6 ? 128 : 32;
  if (/^\d+$/.test(prefix) && Number(prefix) <= bits) return undefined;
  return `behind the / belongs a number from 0 to ${bits}`;
}

function entriesOf(list: string): readonly string[] {
  return list.split(/[\s,]+/).filter((entry) => entry !== "");
}

function destinationOf({ protocol, hostname, port }: URL): Destination {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return { host, port: port || (protocol === "https:" ? "443" : "80") };
}

function matcherOf(entry: string): Matcher {
  const { host, port } = splitEntry(entry);
  const matchesHost = hostMatcher(host);
  return (to) => (port === "" || port === to.port) && matchesHost(to.host);
}

function splitEntry(entry: string): Destination {
  // The colons of an address are not those of a port.
  if (isIP(entry) === 6) return { host: entry, port: "" };
  const [, host = "", port = ""] = /^(.*?)(?::(\d*))?$/.exec(entry) ?? [];
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
}

function hostMatcher(text: string): (host: string) => boolean {
  const [, address = "", prefix] = /^([^/]*)(?:\/(\d+))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version !== 0) {
    const bits = version === 6 ? 128 : 32;
    return blockMatcher(address, Number(prefix ?? bits), bits);
  }
  return nameMatcher(text);
}

function blockMatcher(address: string, prefix: number, bits: number): (host: string) => boolean {
  if (prefix > bits) return () => false;
  const block = new BlockList();
  block.addSubnet(address, prefix, bits === 128 ? "ipv6" : "ipv4");
  return (host) => contains(block, host);
}

/** They end the host in a URL, so that its parser would take what is before or behind them for it. */
const notOfNames = /[/?#@\\]/;

function nameMatcher(text: string): (host: string) => boolean {
  const [, dot, written = ""] = /^(\*?\.)?(.*?)\.?$/.exec(text) ?? [];
  if (written === "" || notOfNames.test(written)) return () => false;
  // Through the URL parser, so that the name looks like that of a URL: lower case, and other scripts as punycode.
  const name = URL.parse(`http://${written}`)?.hostname ?? written;
  const suffix = `.${name}`;
  return (host) => host.endsWith(suffix) || (dot === undefined && host === name);
}

/** An IPv4 address counts as itself in its IPv6 form too. */
function contains(block: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && block.check(host, version === 6 ? "ipv6" : "ipv4");
}
