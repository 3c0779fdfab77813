import type { Answer } from "dns-packet";
import * as v from "valibot";
import { type Clock, formatDuration } from "../base/index.ts";
import { labelsOf, type Target } from "../model/index.ts";
import { argument, crossCheck, duration, found, oneOrMany, optional, table, word } from "../schema/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { discoveryKind } from "./discovery-kind.ts";
import { addressesOfHosts, type HostAddresses } from "./dns-addresses.ts";
import { askServers, cannotLookUp, type ServersAnswer } from "./dns-servers.ts";
import type { Finder, FinderContext } from "./finder.ts";
import { hostPort } from "./host-port.ts";
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

/** For all that is asked for one name; less where it is asked more often. */
const longestNameMs = 30_000;

function findByDns(args: DnsDiscoveryArguments, { clock }: FinderContext): Finder {
  const timeoutMs = Math.min(args.refresh_interval.ms, longestNameMs);
  /** By the name that was asked for. */
  const known = new Map<string, HostAddresses>();
  return polling({
    interval: args.refresh_interval,
    clock,
    async look(signal, report) {
      const settings = await settingsOf(args);
      const lookUp = async (name: string): Promise<void> => {
        try {
          const targets = await withDeadline(
            (inTime) => targetsOf(name, { args, settings, clock, signal: inTime, known }),
            {
              clock,
              timeoutMs,
              signal,
              late: () => {
                const cannot = cannotLookUp({ name, type: args.type });
                return new DiscoveryError("dns", `${cannot}: no answer within ${formatDuration(timeoutMs)}`);
              },
            },
          );
          report.found(name, targets);
        } catch (thrown) {
          report.failed(name, thrown);
        }
      };
      await Promise.all([...new Set(args.names)].map(lookUp));
    },
  });
}

async function settingsOf({ servers }: DnsDiscoveryArguments): Promise<DnsSettings> {
  const system = await systemDnsSettings();
  return servers ? { ...system, servers: servers.flatMap((server) => parseDnsServer(server) ?? []) } : system;
}

interface LookUpOptions {
  readonly args: DnsDiscoveryArguments;
  readonly settings: DnsSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly known: Map<string, HostAddresses>;
}

async function targetsOf(name: string, options: LookUpOptions): Promise<readonly Target[]> {
  const { args, settings, clock, signal, known } = options;
  const answer = await askForRecords(name, options);
  // Those of other types are on the way, such as the CNAME before an A record.
  const records = (answer?.records ?? []).filter(({ type }) => type === args.type);
  const places = records.flatMap((record) => placeOf(record) ?? []);
  // Whoever is asked for the records need not be asked by the system, which then could not find these hosts.
  if (answer && args.servers && args.type !== "A" && args.type !== "AAAA") {
    const servers = [answer.server, ...settings.servers.filter((server) => server !== answer.server)];
    const hosts = places.map(({ host }) => host);
    const { additional } = answer;
    known.set(name, await addressesOfHosts(hosts, { servers, clock, signal, additional, known: known.get(name) }));
  }
  return places.flatMap(({ host, port = args.port ?? 0, labels }) => {
    const addresses = known.get(name)?.get(host) ?? [host];
    return addresses.map((address) =>
      labelsOf({ __address__: hostPort(address, port), __meta_dns_name: name, ...labels }),
    );
  });
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

/** What a record points to. */
interface Place {
  /** A name or an address. */
  readonly host: string;
  readonly port?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** `undefined` where a record says that there is no such service (RFC 2782), or is of a type that is never asked for. */
function placeOf(record: Answer): Place | undefined {
  if (record.type === "SRV") {
    const { target: host, port } = record.data;
    const labels = { __meta_dns_srv_record_target: `${host}.`, __meta_dns_srv_record_port: String(port) };
    return host === "." ? undefined : { host, port, labels };
  }
  if (record.type === "MX") {
    const host = record.data.exchange;
    return { host, labels: { __meta_dns_mx_record_target: `${host}.` } };
  }
  if (record.type === "NS") return { host: record.data, labels: { __meta_dns_ns_record_target: `${record.data}.` } };
  return record.type === "A" || record.type === "AAAA" ? { host: record.data } : undefined;
}
