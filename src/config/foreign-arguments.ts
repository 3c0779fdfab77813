import type { Path } from "./finding.ts";

type Words = Readonly<Record<string, string>>;

const engines = "agents of a cluster find each other through [cluster.etcd] or [cluster.kubernetes]";

/** By table, what people write who come from Alloy or Prometheus, and how it is said here. */
const tables: Readonly<Record<string, Words>> = {
  cluster: {
    join_addresses: engines,
    discover_peers: engines,
    advertise_address: engines,
    advertise_interfaces: engines,
    rejoin_interval: engines,
    max_join_peers: engines,
    enabled: "a table [cluster] is enough",
    name: "node_name is the name of this agent; a cluster is known by prefix of [cluster.etcd] or group of [cluster.kubernetes]",
  },
  logging: { write_to: "the log goes to standard error" },
  "pyroscope.scrape": {
    job: "it is job_name",
    honor_labels: "a target's own labels always win, but for job where job_name is set",
    metrics_path: "it is path of a profile type, or path_prefix for all, in profiling_config",
    static_configs: "it is targets = [{ __address__ = … }]",
    relabel_configs: "it is rule",
  },
};

/** What an unknown key of a table that takes `known` is called here, where other systems have it. */
export function foreignArgument(
  key: string,
  { table, known }: { readonly table: Path; readonly known: readonly string[] },
): string | undefined {
  // Alloy's blocks around the settings of the HTTP client.
  if ((key === "client" || key === "http_client_config") && known.includes("tls_config"))
    return "what is in it stands right in this table";
  const words = tables[placeOf(table)] ?? {};
  return Object.hasOwn(words, key) ? words[key] : undefined;
}

/** Without the label of a component, which is its user's word. */
function placeOf([group, name, , ...inside]: Path): string {
  return name === undefined ? `${group}` : [group === "phlare" ? "pyroscope" : group, name, ...inside].join(".");
}
