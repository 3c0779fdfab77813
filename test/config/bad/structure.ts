import type { BadConfig } from "./bad-config.ts";

export const structure: readonly BadConfig[] = [
  {
    title: "an unknown argument",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_intervall = "5s"`,
    problems: [
      'agent.toml:4:1: pyroscope.scrape.a.scrape_intervall: unknown argument; did you mean "scrape_interval"?',
    ],
  },
  {
    title: "an unknown argument that is like no other",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
colour = true`,
    problems: [
      "agent.toml:4:1: pyroscope.scrape.a.colour: unknown argument; this table takes targets, forward_to, job_name, params, scheme, scrape_interval, scrape_timeout, delta_profiling_duration, body_size_limit, rule and 16 more",
    ],
  },
  {
    title: "every problem at once, in the order of the file",
    text: `[pyroscope.scrape.a]
targets = [{ service_name = "x" }]
forward_to = ["pyroscope.write.b"]
scrape_interval = "15 seconds"
scheme = "htp"
[pyroscope.write.a]
external_label = { a = "b" }
`,
    problems: [
      'agent.toml:2:12: pyroscope.scrape.a.targets[0]: a target needs the label __address__, such as { __address__ = "localhost:6060" }',
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: there is no component "pyroscope.write.b"; did you mean "pyroscope.write.a"?',
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: expected a duration such as "15s", "1m30s" or "500ms", found "15 seconds"; did you mean "15s"?',
      'agent.toml:5:10: pyroscope.scrape.a.scheme: expected one of "http", "https", found "htp"; did you mean "http"?',
      'agent.toml:7:1: pyroscope.write.a.external_label: unknown argument; did you mean "external_labels"?',
    ],
  },
  {
    title: "missing arguments",
    text: `[pyroscope.scrape.a]
`,
    problems: [
      'agent.toml:1:19: pyroscope.scrape.a.forward_to: required, but missing; for example forward_to = ["pyroscope.write.default"]',
      'agent.toml:1:19: pyroscope.scrape.a.targets: required, but missing; for example targets = [{ __address__ = "localhost:6060", service_name = "shop" }]',
    ],
  },
  {
    title: "an argument below a nested table",
    text: `[pyroscope.scrape.a]
targets = []

[pyroscope.scrape.a.profiling_config.profile.mutex]
enabled = false
forward_to = ["pyroscope.write.a"]
[pyroscope.write.a]`,
    problems: [
      "agent.toml:6:1: pyroscope.scrape.a.profiling_config.profile.mutex.forward_to: forward_to belongs to [pyroscope.scrape.a], but a line below a [table] is inside that table; move it up, right below [pyroscope.scrape.a]",
    ],
  },
  {
    title: "an argument one table too high",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profile.memory.enabled = false`,
    problems: [
      "agent.toml:4:1: pyroscope.scrape.a.profile: profile belongs to [pyroscope.scrape.a.profiling_config]; move it there",
    ],
  },
  {
    title: "an endpoint's argument in the component's table",
    text: `[pyroscope.write.a]
url = "http://h"`,
    problems: ["agent.toml:2:1: pyroscope.write.a.url: url belongs to [pyroscope.write.a.endpoint]; move it there"],
  },
  {
    title: "a misplaced argument in JSON, in its own words",
    path: "agent.json",
    text: `{
  "pyroscope": { "scrape": { "a": {
    "targets": [{ "__address__": "a:1" }, { "service_name": "b" }],
    "forward_to": null,
    "profiling_config": { "scrape_interval": "5s" }
  } } }
}`,
    problems: [
      'agent.json:3:43: pyroscope.scrape.a.targets[1]: a target needs the label __address__, such as { __address__ = "localhost:6060" }',
      'agent.json:4:19: pyroscope.scrape.a.forward_to: expected the id of a component such as "pyroscope.write.default", found null',
      "agent.json:5:27: pyroscope.scrape.a.profiling_config.scrape_interval: scrape_interval belongs to pyroscope.scrape.a; move it there",
    ],
  },
  {
    title: "a component without a label",
    text: `[pyroscope.scrape]
targets = []
forward_to = []`,
    problems: [
      "agent.toml:1:12: pyroscope.scrape: a component needs a label; write [pyroscope.scrape.LABEL], for example [pyroscope.scrape.default]",
    ],
  },
  {
    title: "a component in double brackets",
    text: `[[pyroscope.scrape]]
targets = []`,
    problems: [
      "agent.toml:1:13: pyroscope.scrape: expected a table with a label; write [pyroscope.scrape.LABEL] with single brackets",
    ],
  },
  {
    title: "a component with a label in double brackets",
    text: `[[pyroscope.write.a]]`,
    problems: [
      "agent.toml:1:13: pyroscope.write: there is one pyroscope.write.a; write it with single brackets, [pyroscope.write.a]",
    ],
  },
  {
    title: "a component's argument below one of several endpoints",
    text: `[[pyroscope.write.a.endpoint]]
url = "http://h"
[[pyroscope.write.a.endpoint]]
url = "http://i"
external_labels = {}`,
    problems: [
      "agent.toml:5:1: pyroscope.write.a.endpoint[1].external_labels: external_labels belongs to [pyroscope.write.a], but a line below a [table] is inside that table; move it up, right below [pyroscope.write.a]",
    ],
  },
  {
    title: "a setting that is null",
    path: "agent.json",
    text: '{ "server": null }',
    problems: ["agent.json:1:13: server: expected a table, found null"],
  },
  {
    title: "a label that cannot be one",
    text: `[pyroscope.write.my-server]`,
    problems: [
      'agent.toml:1:18: pyroscope.write.my-server: the label must match [A-Za-z_][A-Za-z0-9_]*; "my_server" would do',
    ],
  },
  {
    title: "an argument above all tables",
    text: `targets = []`,
    problems: [
      "agent.toml:1:1: targets: stands above all tables; an argument belongs below the table of its component, such as [pyroscope.scrape.LABEL]",
    ],
  },
  {
    title: "an unknown kind",
    text: `[pyroscope.scape.a]`,
    problems: ['agent.toml:1:12: pyroscope.scape: unknown kind of component; did you mean "pyroscope.scrape"?'],
  },
  {
    title: "an unknown table",
    text: `[prometheus.scrape.a]`,
    problems: [
      "agent.toml:1:2: prometheus: unknown table; there are server, storage, logging, cluster, pyroscope, phlare, test, discovery",
    ],
  },
  {
    title: "a group that is no table",
    text: `pyroscope = 5`,
    problems: ["agent.toml:1:1: pyroscope: expected tables such as [pyroscope.scrape.LABEL], found a number"],
  },
  {
    title: "a kind of a later version",
    text: `[discovery.consul.a]
server = "x"`,
    problems: [
      "agent.toml:1:19: discovery.consul.a: discovery.consul is not carried out by this version of the agent (0.1.0); remove it",
    ],
  },
  {
    title: "another kind of a later version",
    text: `[pyroscope.relabel.a]`,
    problems: [
      'agent.toml:1:20: pyroscope.relabel.a: pyroscope.relabel is not carried out by this version of the agent (0.1.0); give its rules to a pyroscope.write, as "rule"',
    ],
  },
  {
    title: "a kind of a later version without a label",
    text: `[discovery.consul]
url = "x"`,
    problems: [
      "agent.toml:1:12: discovery.consul: a component needs a label; write [discovery.consul.LABEL], for example [discovery.consul.default]",
    ],
  },
  {
    title: "one component under two names",
    text: `[phlare.write.a]
[pyroscope.write.a]`,
    problems: ["agent.toml:2:18: pyroscope.write.a: is the same component as [phlare.write.a]; keep one of the two"],
  },
  {
    title: "a server address without a port",
    text: `[server]
listen_address = "localhost"
listen_adress = "x"`,
    problems: [
      'agent.toml:2:18: server.listen_address: expected host:port such as "127.0.0.1:12345", ":12345" or "[::1]:12345", found "localhost"',
      'agent.toml:3:1: server.listen_adress: unknown argument; did you mean "listen_address"?',
    ],
  },
  {
    title: "two tokens of the server",
    text: `[server]
token = "a"
token_file = "b"`,
    problems: ["agent.toml:3:14: server.token_file: token and token_file cannot both be set; keep one of them"],
  },
  {
    title: "a token of the server that is empty, as an unset variable may leave it",
    text: `[server]
token = "\${TOKEN:-}"`,
    problems: [
      "agent.toml:2:9: server.token: expected one or more visible ASCII characters without spaces; what stands there is not shown, it may be a secret",
    ],
  },
  {
    title: "a token of the server that no header carries",
    text: `[server]
token = "sesame öffne dich"`,
    problems: [
      "agent.toml:2:9: server.token: expected one or more visible ASCII characters without spaces; what stands there is not shown, it may be a secret",
    ],
  },
  {
    title: "an unknown log level",
    text: `[logging]
level = "warning"`,
    problems: ['agent.toml:2:9: logging.level: expected one of "debug", "info", "warn", "error", found "warning"'],
  },
  {
    title: "a cluster table with mistakes in every argument",
    text: `[cluster]
engine = "consul"
node_name = "plant 7"
ttl = "500ms"
on_engine_loss = "ignore"
[cluster.etcd]
endpoints = ["127.0.0.1:2379", "http://edge:hunter2@etcd:2379"]
prefix = "/"
[cluster.kubernetes]
namespace = "a b"
url = "https://kubernetes"`,
    problems: [
      'agent.toml:2:10: cluster.engine: expected one of "etcd", "kubernetes", found "consul"',
      'agent.toml:3:13: cluster.node_name: expected letters, digits, ".", "_" and "-", at most 200, found "plant 7"',
      'agent.toml:4:7: cluster.ttl: expected whole seconds, at least "2s"',
      'agent.toml:5:18: cluster.on_engine_loss: expected one of "keep", "stop", found "ignore"',
      'agent.toml:7:14: cluster.etcd.endpoints[0]: expected a URL that begins with http:// or https://, found "127.0.0.1:2379"; write "http://127.0.0.1:2379"',
      "agent.toml:7:32: cluster.etcd.endpoints[1]: must not hold a user name or password: use basic_auth",
      'agent.toml:8:10: cluster.etcd.prefix: expected a name such as "/pprof-agent/default", found "/"',
      'agent.toml:10:13: cluster.kubernetes.namespace: expected the value of a Kubernetes label, found "a b"',
      "agent.toml:11:1: cluster.kubernetes.url: unknown argument; this table takes namespace, group, api_server, kubeconfig_file, bearer_token, bearer_token_file, basic_auth, authorization, oauth2, tls_config and 7 more",
    ],
  },
  {
    title: "a cluster table of two engines",
    text: `[cluster]
[cluster.etcd]
[cluster.kubernetes]`,
    problems: ['agent.toml:1:2: cluster: needs engine = "etcd" or engine = "kubernetes", because both have a table'],
  },
  {
    title: "a cluster table of another engine than it says",
    text: `[cluster]
engine = "kubernetes"
[cluster.etcd]`,
    problems: [
      'agent.toml:2:10: cluster.engine: is "kubernetes", but the table is [cluster.etcd]; which of the two is meant?',
    ],
  },
  {
    title: "an environment variable that is not set",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
job_name = "\${JOB}"`,
    problems: [
      "agent.toml:4:12: pyroscope.scrape.a.job_name: the environment variable JOB is not set; set it, or write ${JOB:-default}",
    ],
  },
  {
    title: "a broken reference to the environment, without showing it",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
bearer_token = "\${s3cret-x}"`,
    problems: [
      "agent.toml:3:16: pyroscope.write.a.endpoint.bearer_token: holds ${ that begins no ${NAME} or ${NAME:-default}; write $${ for a literal ${",
    ],
  },
  {
    title: "a value from the environment that does not fit",
    env: { I: "often" },
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = "\${I}"`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: expected a duration such as "15s", "1m30s" or "500ms", found "often"',
    ],
  },
];
