import { readFile } from "node:fs/promises";
import { isIP, isIPv6 } from "node:net";
import type { DnsServer } from "./dns-query.ts";

/** How this machine asks for names: resolv.conf(5), as far as discovery needs it. */
export interface DnsSettings {
  readonly servers: readonly DnsServer[];
  /** Appended to names that do not end in a dot. */
  readonly search: readonly string[];
  /** A name with as many dots is first asked for as it is. */
  readonly ndots: number;
}

const dnsPort = 53;

/** Read anew for every look, since it changes with the network that the machine is in. */
export async function systemDnsSettings(path = "/etc/resolv.conf"): Promise<DnsSettings> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) {
    const { getServers } = await import("node:dns");
    return { servers: getServers().flatMap((at) => parseDnsServer(at) ?? []), search: [], ndots: 1 };
  }
  return parseResolvConf(text);
}

export function parseResolvConf(text: string): DnsSettings {
  const lines = text.split("\n").map((line) =>
    line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/),
  );
  const valuesOf = (...keywords: readonly string[]): readonly (readonly string[])[] =>
    lines.filter(([keyword = ""]) => keywords.includes(keyword)).map(([, ...values]) => values);
  const search = valuesOf("search", "domain").at(-1) ?? [];
  const ndots = valuesOf("options")
    .flat()
    .flatMap((option) => /^ndots:(\d+)$/.exec(option)?.[1] ?? []);
  return {
    servers: valuesOf("nameserver").flatMap(([server = ""]) => parseDnsServer(server) ?? []),
    search: search.filter((domain) => domain !== "."),
    ndots: Number(ndots.at(-1) ?? 1),
  };
}

/** `10.0.0.2`, `10.0.0.2:5353`, `[fd00::2]:5353`, `fd00::2`; `undefined` for anything that does not begin with an IP address. */
export function parseDnsServer(text: string): DnsServer | undefined {
  if (isIP(text.replace(/%.*$/, "")) > 0) return { host: text, port: dnsPort };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(portText ?? dnsPort);
  const isAddress = bracketed === undefined ? isIP(host) === 4 : isIPv6(host);
  return isAddress && port > 0 && port < 65_536 ? { host, port } : undefined;
}

/** The names to ask for, in order, none with a dot at its end: what "search" makes of a short one. */
export function namesToAsk(name: string, { search, ndots }: Pick<DnsSettings, "search" | "ndots">): readonly string[] {
  if (name.endsWith(".")) return [name.replace(/\.+$/, "")];
  const searched = search.map((domain) => `${name}.${domain.replace(/\.+$/, "")}`);
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}
