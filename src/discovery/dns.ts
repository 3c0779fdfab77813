import * as v from "valibot";
import { formatDuration, hostPort } from "../base/index.ts";
import { labelsOf, type Target } from "../model/index.ts";
import { argument, crossCheck, duration, found, oneOrMany, optional, table, word } from "../schema/index.ts";
import { boundedTargets } from "./bounded-targets.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { discoveryKind } from "./discovery-kind.ts";
import { type AddressesOf, LocatedHosts } from "./dns-addresses.ts";
import { type Place, placeOf } from "./dns-places.ts";
import { askServers, cannotLookUp, lookAtNameServers, type ServersAnswer } from "./dns-servers.ts";
import type { Finder, FinderContext } from "./finder.ts";
import { polling } from "./polling.ts";
import { portNumber } from "./port-argument.ts";
import { type DnsSettings, namesToAsk, parseDnsServer, systemDnsSettings } from "./resolv-conf.ts";
import { withDeadline } from "./with-deadline.ts";

const recordTypes = ["SRV", "A", "AAAA", "MX", "NS"] as const;
type RecordType = (typeof recordTypes)[number];

const recordType = v.pipe(
  v.string(({ input }) => typeProblem(input)),
  v.rawTransform(({ dataset, addIssue, NEVER }): RecordType => {
    const type = recordTypes.find((known) => known === dataset.value.toUpperCase());
    if (type) return type;
    addIssue({ message: typeProblem(dataset.value) });
    return NEVER;
  }),
);

function typeProblem(input: unknown): string {
  return `expected one of ${recordTypes.map((type) => `"${type}"`).join(", ")}, found ${found(input)}`;
}

const dnsDiscoveryArguments = v.pipe(
  table({
    names: argument(
      v.pipe(
        oneOrMany(word()),
        v.check((names) => names.length > 0, "at least one name is needed"),
      ),
      { description: "The names that are asked for", example: ["_pprof._tcp.example.com"] },
    ),
    type: optional(recordType, {
      default: "SRV",
      description: "The kind of record: `SRV`, `A`, `AAAA`, `MX` or `NS`",
      example: "A",
    }),
    port: optional(portNumber(), {
      description: "The port of every target; `SRV` records have their own",
      example: 6060,
    }),
    refresh_interval: optional(duration({ positive: true }), {
      default: "30s",
      description: "How often the names are asked for",
      example: "1m",
    }),
    servers: optional(
      oneOrMany(
        v.pipe(
          word(),
          v.check(
            (server) => parseDnsServer(server) !== undefined,
            ({ input }) =>
              `expected the address of a name server such as "10.0.0.2" or "127.0.0.1:8600", found ${found(input)}`,
          ),
        ),
      ),
      {
        description:
          "The name servers, asked in order until one answers; `IP` or `IP:PORT`. They also say where the hosts are that `SRV`, `MX` and `NS` records name",
        defaultText: "those of the system",
        example: ["127.0.0.1:8600"],
      },
    ),
  }),
  crossCheck(["type", "port"], ({ type, port }, report) => {
    if (type !== "SRV" && port === undefined)
      report([], `a port is needed with type "${type}": only SRV records have one; for example port = 6060`);
  }),
);

type DnsDiscoveryArguments = v.InferOutput<typeof dnsDiscoveryArguments>;

/** The kind `discovery.dns` (reference 6.4): the records of names. */
export const dnsKind = discoveryKind<DnsDiscoveryArguments>({
  name: "discovery.dns",
  summary: "Finds targets by DNS: SRV, A, AAAA, MX or NS records of names.",
  schema: dnsDiscoveryArguments,
  find: findByDns,
});

/** For the records of one name; less where it is asked more often. Half of it again for the hosts that they name. */
const longestNameMs = 30_000;

function findByDns(args: DnsDiscoveryArguments, { clock, log }: FinderContext): Finder {
  const timeoutMs = Math.min(args.refresh_interval.ms, longestNameMs);
  const hostsOf = new Map(args.names.map((name) => [name, new LocatedHosts()]));
  return polling({
    interval: args.refresh_interval,
    clock,
    async look(signal, report) {
      const settings = await settingsOf(args);
      const lookUp = async ([name, hosts]: readonly [string, LocatedHosts]): Promise<void> => {
        try {
          const answer = await targetsOf(name, { args, settings, clock, log, timeoutMs, signal, hosts });
          const targets = boundedTargets(answer ?? [], `Cannot take the targets of "${name}"`);
          const nothing = answer ? `no ${args.type} record` : "no such name";
          report.found(name, targets, targets.length > 0 ? undefined : nothing);
        } catch (thrown) {
          report.failed(name, thrown);
        }
      };
      await Promise.all([...hostsOf].map(lookUp));
    },
  });
}

async function settingsOf({ servers }: DnsDiscoveryArguments): Promise<DnsSettings> {
  const system = await systemDnsSettings();
  return servers ? { ...system, servers: servers.flatMap((server) => parseDnsServer(server) ?? []) } : system;
}

interface LookUpOptions extends Pick<FinderContext, "clock" | "log"> {
  readonly args: DnsDiscoveryArguments;
  readonly settings: DnsSettings;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Where the hosts are that the records name. */
  readonly hosts: LocatedHosts;
}

/** Nothing where there is no such name. */
async function targetsOf(name: string, options: LookUpOptions): Promise<Iterable<Target> | undefined> {
  const { args, settings, clock, timeoutMs, signal, hosts } = options;
  const answer = await withDeadline((inTime) => askForRecords(name, { ...options, signal: inTime }), {
    clock,
    timeoutMs,
    signal,
    late: () => {
      const cannot = cannotLookUp({ name, type: args.type });
      return new DiscoveryError(
        "dns",
        `${cannot}: no answer within ${formatDuration(timeoutMs)}; ${lookAtNameServers}`,
      );
    },
  });
  if (!answer) return undefined;
  // Those of other types are on the way, such as the CNAME before an A record.
  const records = answer.records.filter(({ type }) => type === args.type);
  const places = records.flatMap((record) => placeOf(record) ?? []);
  const named = places.map(({ host }) => host);
  // Whoever is asked for the records need not be asked by the system, which then could not find these hosts.
  const addressesOf =
    args.servers && !isAddressType(args.type)
      ? await hosts.locate(named, { ...options, answer, servers: settings.servers, timeoutMs: timeoutMs / 2 })
      : undefined;
  return targetsAt(places, { name, port: args.port, addressesOf });
}

function isAddressType(type: RecordType): boolean {
  return type === "A" || type === "AAAA";
}

interface TargetOptions {
  readonly name: string;
  /** Of places without one. */
  readonly port: number | undefined;
  /** The host itself where it is left out. */
  readonly addressesOf: AddressesOf | undefined;
}

/** One after the other as they are asked for: two small answers, of ports and of addresses, can make millions. */
function* targetsAt(
  places: readonly Place[],
  { name, port: ownPort = 0, addressesOf = (host) => [host] }: TargetOptions,
): Generator<Target> {
  for (const { host, port = ownPort, labels } of places)
    for (const address of addressesOf(host))
      yield labelsOf({ __address__: hostPort(address, port), __meta_dns_name: name, ...labels });
}

/**
 * The records of a name, or of the first name that the search list makes of it and that exists. None where every server that was asked says
 * that there is no such name; a server that fails leaves it open (reference 6.4).
 */
async function askForRecords(
  name: string,
  { args: { type }, settings, clock, signal }: LookUpOptions,
): Promise<ServersAnswer | undefined> {
  let failure: DiscoveryError | undefined;
  for (const asked of namesToAsk(name, settings)) {
    try {
      const answer = await askServers({ name: asked, type }, { servers: settings.servers, clock, signal });
      if (answer.code === "NOERROR") return answer;
    } catch (thrown) {
      signal.throwIfAborted();
      failure ??= thrown as DiscoveryError;
    }
  }
  if (failure) throw failure;
  return undefined;
}
