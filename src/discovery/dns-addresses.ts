import type { Answer } from "dns-packet";
import { type AskOptions, askServers } from "./dns-servers.ts";
import { mapLimited } from "./map-limited.ts";

/** The addresses of hosts that records name; the host itself where it has none. */
export type HostAddresses = ReadonlyMap<string, readonly string[]>;

export interface HostAddressesOptions extends AskOptions {
  /** What the server sent along with the records. */
  readonly additional: readonly Answer[];
  /** What was found the last time, for hosts that cannot be looked up now. */
  readonly known: HostAddresses | undefined;
}

const lookUpsAtOnce = 16;

/**
 * Where these hosts are: from what came with the answer, as Consul sends it, or by asking the same servers, which may be the only ones that know the
 * names. One that cannot be looked up does not cost the others theirs.
 */
export async function addressesOfHosts(
  hosts: readonly string[],
  options: HostAddressesOptions,
): Promise<HostAddresses> {
  const { additional, known, signal } = options;
  const lookUp = async (host: string): Promise<readonly [string, readonly string[]]> => {
    const sent = addressesIn(additional.filter(({ name }) => name.toLowerCase() === host.toLowerCase()));
    if (sent.length > 0) return [host, sent];
    try {
      const found = await askForAddresses(host, options);
      return [host, found.length > 0 ? found : [host]];
    } catch {
      signal.throwIfAborted();
      return [host, known?.get(host) ?? [host]];
    }
  };
  return new Map(await mapLimited([...new Set(hosts)], lookUpsAtOnce, lookUp));
}

async function askForAddresses(host: string, options: AskOptions): Promise<readonly string[]> {
  for (const type of ["A", "AAAA"] as const) {
    const { code, records } = await askServers({ name: host, type }, options);
    if (code === "NXDOMAIN") return [];
    const found = addressesIn(records);
    if (found.length > 0) return found;
  }
  return [];
}

/** A process behind an IPv4 and an IPv6 address is one process: the first are taken, where there are any. */
function addressesIn(records: readonly Answer[]): readonly string[] {
  const of = (type: "A" | "AAAA"): readonly string[] =>
    records.flatMap((record) => (record.type === type ? [record.data] : []));
  const four = of("A");
  return four.length > 0 ? four : of("AAAA");
}
