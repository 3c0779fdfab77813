import type { Answer } from "dns-packet";
import type { FinderContext } from "./finder.ts";
import { type AskOptions, askServers, type ServersAnswer } from "./dns-servers.ts";
import { SideQuestions } from "./side-questions.ts";

/** The addresses of a host, or the host itself where nobody knows any. */
export type AddressesOf = (host: string) => readonly string[];

export interface LocateOptions extends AskOptions, Pick<FinderContext, "log"> {
  /** The one that names the hosts. */
  readonly answer: ServersAnswer;
  /** For all hosts. */
  readonly timeoutMs: number;
}

/** Where the hosts are that the records of one name point to. */
export class LocatedHosts {
  readonly #questions = new SideQuestions<readonly string[]>();

  /**
   * Asks for every host, first the server that named it, which may be the only one to know it. What a server does not say in time is what it said
   * before, or what came along with the records; that need not be all that the host has, and is no answer (RFC 2181, 9).
   */
  async locate(hosts: readonly string[], options: LocateOptions): Promise<AddressesOf> {
    const { answer, clock, log, timeoutMs, signal } = options;
    const servers = [answer.server, ...options.servers.filter((server) => server !== answer.server)];
    this.#questions.keepOnly(hosts);
    const ask = (host: string, inTime: AbortSignal): Promise<readonly string[]> =>
      askForAddresses(host, { servers, clock, signal: inTime });
    const failures = await this.#questions.ask(hosts, { ask, clock, timeoutMs, signal });
    if (failures.length > 0) log.debug("Hosts not looked up", { hosts: failures.length, err: failures[0] });
    const along = addressesAlong(answer.additional);
    return (host) => {
      const told = this.#questions.answers.get(host) ?? [];
      return told.length > 0 ? told : (along.get(host.toLowerCase()) ?? [host]);
    };
  }
}

/** None where there is no such host, or it has none. */
async function askForAddresses(host: string, options: AskOptions): Promise<readonly string[]> {
  for (const type of ["A", "AAAA"] as const) {
    const { code, records } = await askServers({ name: host, type }, options);
    if (code === "NXDOMAIN") return [];
    const found = addressesIn(records);
    if (found.length > 0) return found;
  }
  return [];
}

/** By the host in lower case. */
function addressesAlong(additional: readonly Answer[]): ReadonlyMap<string, readonly string[]> {
  const byHost = Map.groupBy(additional.filter(isAddress), ({ name }) => name.toLowerCase());
  return new Map([...byHost].map(([host, records]) => [host, addressesIn(records)]));
}

function isAddress({ type }: Answer): boolean {
  return type === "A" || type === "AAAA";
}

/** A process behind an IPv4 and an IPv6 address is one process: the first are taken, where there are any. */
function addressesIn(records: readonly Answer[]): readonly string[] {
  const of = (type: "A" | "AAAA"): readonly string[] =>
    records.flatMap((record) => (record.type === type ? [record.data] : []));
  const four = of("A");
  return four.length > 0 ? four : of("AAAA");
}
