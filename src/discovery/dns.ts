import type { Answer } from "dns-packet";
import * as v from "valibot";
import { type Clock, errorMessage, formatDuration } from "../base/index.ts";
import { labelsOf, type Target } from "../model/index.ts";
import { argument, crossCheck, duration, found, oneOrMany, optional, table, word } from "../schema/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { discoveryKind } from "./discovery-kind.ts";
import { type DnsAnswer, queryDns } from "./dns-query.ts";
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
        description: "The name servers, asked in order until one answers; `IP` or `IP:PORT`",
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

/** One question to one server, and all that is asked for one name; less where it is asked more often. */
const questionMs = 2500;
const longestNameMs = 30_000;

function findByDns(args: DnsDiscoveryArguments, { clock }: FinderContext): Finder {
  const timeoutMs = Math.min(args.refresh_interval.ms, longestNameMs);
  return polling({
    interval: args.refresh_interval,
    clock,
    async look(signal, report) {
      const settings = await settingsOf(args);
      const lookUp = async (name: string): Promise<void> => {
        try {
          const records = await withDeadline((inTime) => recordsOf(name, { args, settings, clock, signal: inTime }), {
            clock,
            timeoutMs,
            signal,
            late: () =>
              new DiscoveryError("dns", `${cannotLookUp(name, args)}: no answer within ${formatDuration(timeoutMs)}`),
          });
          const targets = records.map((record) => targetOf(record, { name, ...args }));
          report.found(
            name,
            targets.filter((target) => target !== undefined),
          );
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
}

/**
 * The records of a name, or of the first name that the search list makes of it and that exists. None where every server that was asked says
 * that there is no such name; a server that fails leaves it open (reference 6.4).
 */
async function recordsOf(name: string, options: LookUpOptions): Promise<readonly Answer[]> {
  let failure: DiscoveryError | undefined;
  for (const asked of namesToAsk(name, options.settings)) {
    try {
      const { code, records } = await askServers(asked, options);
      if (code === "NOERROR") return records;
    } catch (thrown) {
      options.signal.throwIfAborted();
      failure ??= thrown as DiscoveryError;
    }
  }
  if (failure) throw failure;
  return [];
}

async function askServers(name: string, { args, settings, clock, signal }: LookUpOptions): Promise<DnsAnswer> {
  const failures: string[] = [];
  for (const server of settings.servers) {
    const shown = hostPort(server.host, server.port);
    try {
      const answer = await withDeadline((inTime) => queryDns({ name, type: args.type }, server, inTime), {
        clock,
        timeoutMs: questionMs,
        signal,
        late: () => new DiscoveryError("dns", `no answer within ${formatDuration(questionMs)}`),
      });
      if (answer.code === "NOERROR" || answer.code === "NXDOMAIN") return answer;
      failures.push(`${shown} answered ${answer.code}`);
    } catch (thrown) {
      signal.throwIfAborted();
      failures.push(`${shown}: ${inWords(errorMessage(thrown))}`);
    }
  }
  const why = failures.join("; ") || "this machine has no name server; set servers";
  throw new DiscoveryError("dns", `${cannotLookUp(name, args)}: ${why}`);
}

/** What the system says is a word; on Deno the code is in the text only. */
function inWords(message: string): string {
  if (/ECONNREFUSED|connection refused/i.test(message)) return "nothing listens there";
  return /E(?:NET|HOST)UNREACH|unreachable/i.test(message) ? "no network leads there" : message;
}

function cannotLookUp(name: string, { type }: DnsDiscoveryArguments): string {
  return `Cannot look up ${type} records of "${name}"`;
}

interface RecordOptions {
  readonly name: string;
  readonly type: RecordType;
  readonly port?: number | undefined;
}

/** `undefined` for a record of another type, such as the CNAME before an A record. */
function targetOf(record: Answer, { name, type, port = 0 }: RecordOptions): Target | undefined {
  if (record.type !== type) return undefined;
  const to = (host: string, labels: Readonly<Record<string, string>> = {}, at = port): Target =>
    labelsOf({ __address__: hostPort(host, at), __meta_dns_name: name, ...labels });
  switch (record.type) {
    case "SRV": {
      const { target, port: own } = record.data;
      const labels = { __meta_dns_srv_record_target: `${target}.`, __meta_dns_srv_record_port: String(own) };
      return to(target, labels, own);
    }
    case "MX":
      return to(record.data.exchange, { __meta_dns_mx_record_target: `${record.data.exchange}.` });
    case "NS":
      return to(record.data, { __meta_dns_ns_record_target: `${record.data}.` });
    case "A":
    case "AAAA":
      return to(record.data);
    default:
      return undefined;
  }
}
