import type { BadConfig } from "./bad-config.ts";

const scrape = `[pyroscope.scrape.a]
targets = []
forward_to = []
`;

function inTable(text: string, messages: Readonly<Record<string, string>>): BadConfig {
  const lines = text.split("\n");
  return {
    title: `what people write elsewhere in ${lines[0]}`,
    text,
    problems: Object.entries(messages).map(([key, message]) => {
      const line = lines.findIndex((each) => each.startsWith(`${key.split(".").at(-1)} `)) + 1;
      return `agent.toml:${line}:1: ${key}: unknown argument; ${message}`;
    }),
  };
}

const engines = "agents of a cluster find each other through [cluster.etcd] or [cluster.kubernetes]";

/** What is right in Alloy or Prometheus, and wrong here. */
export const habits: readonly BadConfig[] = [
  inTable(
    `${scrape}job = "x"
honor_labels = true
metrics_path = "/x"
static_configs = []
relabel_configs = []
http_client_config = {}
client = {}`,
    {
      "pyroscope.scrape.a.job": "it is job_name",
      "pyroscope.scrape.a.honor_labels": "a target's own labels always win, but for job where job_name is set",
      "pyroscope.scrape.a.metrics_path": "it is path of a profile type, or path_prefix for all, in profiling_config",
      "pyroscope.scrape.a.static_configs": "it is targets = [{ __address__ = … }]",
      "pyroscope.scrape.a.relabel_configs": "it is rule",
      "pyroscope.scrape.a.http_client_config": "what is in it stands right in this table",
      "pyroscope.scrape.a.client": "what is in it stands right in this table",
    },
  ),
  inTable(
    `[phlare.scrape.a]
targets = []
forward_to = []
job = "x"`,
    { "phlare.scrape.a.job": "it is job_name" },
  ),
  inTable(
    `[cluster]
enabled = true
join_addresses = ["a:1"]
advertise_address = "a:1"`,
    {
      "cluster.enabled": "a table [cluster] is enough",
      "cluster.join_addresses": engines,
      "cluster.advertise_address": engines,
    },
  ),
  inTable(
    `[logging]
write_to = []`,
    { "logging.write_to": "the log goes to standard error" },
  ),
  {
    title: "a list where one argument of a table is meant",
    text: `[discovery.kubernetes.a]
role = "pod"
namespaces = ["a", "b"]`,
    problems: [
      "agent.toml:3:14: discovery.kubernetes.a.namespaces: expected a table, found a list; write { names = [...] }",
    ],
  },
  {
    title: "a switch where a table with one is meant",
    text: `${scrape}clustering = true
profiling_config.profile.mutex = false`,
    problems: [
      "agent.toml:4:14: pyroscope.scrape.a.clustering: expected a table, found a boolean; write { enabled = true }",
      "agent.toml:5:34: pyroscope.scrape.a.profiling_config.profile.mutex: expected a table, found a boolean; write { enabled = false }",
    ],
  },
  ...['external_labels = { env = "x" }\n', ""].map((before) => ({
    title: `a component whose label is missing, with a table inside ${before}`,
    text: `[pyroscope.write]
${before}endpoint = { url = "http://h:4040" }
[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.write.b"]`,
    problems: [
      "agent.toml:1:12: pyroscope.write: a component needs a label; write [pyroscope.write.LABEL], for example [pyroscope.write.default]",
      `agent.toml:${before === "" ? 5 : 6}:15: pyroscope.scrape.a.forward_to[0]: there is no component "pyroscope.write.b"; add [pyroscope.write.b]`,
    ],
  })),
  {
    title: "a component that has the name of one of its arguments for a label, and no mistake but this",
    text: `[pyroscope.write.endpoint]
endpoint = { url = "http://h:4040", urll = 1 }`,
    problems: ['agent.toml:2:37: pyroscope.write.endpoint.endpoint.urll: unknown argument; did you mean "url"?'],
  },
  {
    title: "expressions in quotes",
    text: `[pyroscope.scrape.a]
forward_to = []
targets = ["[{__address__=x}]", "{__address__=x}", "concat(a, [])", "[discovery.http.a]"]`,
    problems: [
      [12, '"[{__address__=x}]"', 'a target is a table, without quotes around it: { __address__ = "host:port" }'],
      [33, '"{__address__=x}"', 'a target is a table, without quotes around it: { __address__ = "host:port" }'],
      [52, '"concat(a, [])"', 'a list holds both: ["discovery.http.default", { __address__ = "host:port" }]'],
      [69, '"[discovery.http.a]"', "write the id without brackets"],
    ].map(
      ([column, found, advice], index) =>
        `agent.toml:3:${column}: pyroscope.scrape.a.targets[${index}]: expected the id of a component such as "discovery.http.default", found ${found}; ${advice}`,
    ),
  },
];
