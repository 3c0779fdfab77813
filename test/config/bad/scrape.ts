import type { BadConfig } from "./bad-config.ts";

export const scrape: readonly BadConfig[] = [
  {
    title: "a duration that is a number",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = 15`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: expected a duration in quotes such as "15s", found the number 15; write "15s" if seconds are meant',
    ],
  },
  {
    title: "a duration without a unit",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = "15"`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: expected a duration such as "15s", "1m30s" or "500ms", found "15"; the unit is missing: "15s"?',
    ],
  },
  {
    title: "a duration in days",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = "1d"`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: expected a duration such as "15s", "1m30s" or "500ms", found "1d"; the longest unit is h: "24h"?',
    ],
  },
  {
    title: "a duration in words",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = "30 Seconds"`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: expected a duration such as "15s", "1m30s" or "500ms", found "30 Seconds"; did you mean "30s"?',
    ],
  },
  {
    title: "an interval of zero",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = "0s"`,
    problems: ['agent.toml:4:19: pyroscope.scrape.a.scrape_interval: must be above 0, found "0s"'],
  },
  {
    title: "an interval too short for timed types",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = "1s"`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.scrape_interval: must be at least 2s, found "1s": process_cpu takes a profile over scrape_interval - 1s; raise it, or set profiling_config.profile.process_cpu.enabled = false',
    ],
  },
  {
    title: "a negative timeout",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_timeout = "-1s"`,
    problems: ['agent.toml:4:18: pyroscope.scrape.a.scrape_timeout: must be above 0, found "-1s"'],
  },
  {
    title: "a timeout that no timer can have",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_timeout = "1ns"`,
    problems: ['agent.toml:4:18: pyroscope.scrape.a.scrape_timeout: must be at least 1ms, found "1ns"'],
  },
  {
    title: "a parameter that profiles for no time",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
params = { seconds = ["abc"] }`,
    problems: ['agent.toml:4:22: pyroscope.scrape.a.params.seconds: must be whole seconds, at least 1, found "abc"'],
  },
  {
    title: "a query in a path prefix, a fragment in a path",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
[pyroscope.scrape.a.profiling_config]
path_prefix = "app?x=1"
[pyroscope.scrape.a.profiling_config.profile.block]
path = "/debug/pprof/block#frag"`,
    problems: [
      "agent.toml:5:15: pyroscope.scrape.a.profiling_config.path_prefix: must be a path alone; a query parameter goes into params",
      "agent.toml:7:8: pyroscope.scrape.a.profiling_config.profile.block.path: must not hold a #: what follows it is never sent",
    ],
  },
  {
    title: "a profiling duration as long as the interval",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
delta_profiling_duration = "15s"`,
    problems: [
      'agent.toml:4:28: pyroscope.scrape.a.delta_profiling_duration: must be at least 1s shorter than scrape_interval (15s), found "15s"',
    ],
  },
  {
    title: "a profiling duration that is no whole second",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
delta_profiling_duration = "1500ms"`,
    problems: [
      'agent.toml:4:28: pyroscope.scrape.a.delta_profiling_duration: must be whole seconds, at least 1s, found "1.5s"',
    ],
  },
  {
    title: "a profiling duration of zero",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
delta_profiling_duration = "0s"`,
    problems: [
      'agent.toml:4:28: pyroscope.scrape.a.delta_profiling_duration: must be whole seconds, at least 1s, found "0s"',
    ],
  },
  {
    title: "a size in another form",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
body_size_limit = "16M"`,
    problems: [
      'agent.toml:4:19: pyroscope.scrape.a.body_size_limit: expected a size such as "16MiB", "512KB" or "100B", found "16M"; did you mean "16MiB"?',
    ],
  },
  {
    title: "a boolean in quotes",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
follow_redirects = "true"`,
    problems: [
      'agent.toml:4:20: pyroscope.scrape.a.follow_redirects: expected true or false, found "true"; write true without quotes',
    ],
  },
  {
    title: "a number where a string is meant",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
job_name = 7`,
    problems: ['agent.toml:4:12: pyroscope.scrape.a.job_name: expected a string, found the number 7; write "7"'],
  },
  {
    title: "an unknown scheme",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scheme = "ftp"`,
    problems: ['agent.toml:4:10: pyroscope.scrape.a.scheme: expected one of "http", "https", found "ftp"'],
  },
  {
    title: "a godeltaprof type beside the plain one",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
[pyroscope.scrape.a.profiling_config.profile]
memory.enabled = true
godeltaprof_memory.enabled = true`,
    problems: [
      'agent.toml:6:30: pyroscope.scrape.a.profiling_config.profile.godeltaprof_memory.enabled: godeltaprof_memory and memory cannot both be enabled: both are pushed as "memory"; disable one of them',
    ],
  },
  {
    title: "a delta argument for a godeltaprof type",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.godeltaprof_memory = { enabled = true, delta = true }`,
    problems: [
      "agent.toml:4:65: pyroscope.scrape.a.profiling_config.profile.godeltaprof_memory.delta: a godeltaprof type takes no delta: its endpoint computes the difference itself; remove it",
    ],
  },
  {
    title: "a custom type without a label",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
[pyroscope.scrape.a.profiling_config.profile.custom]
enabled = true
path = "/x"`,
    problems: [
      "agent.toml:4:46: pyroscope.scrape.a.profiling_config.profile.custom: a custom profile type needs a name: write [….profile.custom.NAME]",
    ],
  },
  {
    title: "a custom type without a path",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.custom.x = { enabled = true }`,
    problems: [
      'agent.toml:4:33: pyroscope.scrape.a.profiling_config.profile.custom.x.path: required, but missing; for example path = "/debug/my_profile"',
    ],
  },
  {
    title: "a custom type with a built-in name",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.custom.memory = { enabled = true, path = "/x" }`,
    problems: [
      'agent.toml:4:33: pyroscope.scrape.a.profiling_config.profile.custom.memory: "memory" is a built-in profile type: write [….profile.memory], or choose another name',
    ],
  },
  {
    title: "a profile type by another name",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.heap.enabled = true`,
    problems: [
      'agent.toml:4:26: pyroscope.scrape.a.profiling_config.profile.heap: unknown profile type; it is called "memory" here',
    ],
  },
  {
    title: "a profile type with a typing error",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.goroutin.enabled = true`,
    problems: [
      'agent.toml:4:26: pyroscope.scrape.a.profiling_config.profile.goroutin: unknown profile type; did you mean "goroutine"?',
    ],
  },
  {
    title: "an unknown profile type",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.threads.enabled = true`,
    problems: [
      "agent.toml:4:26: pyroscope.scrape.a.profiling_config.profile.threads: unknown profile type; your own are written [….profile.custom.threads]",
    ],
  },
  {
    title: "enabled in profiling_config",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.enabled = true`,
    problems: [
      "agent.toml:4:18: pyroscope.scrape.a.profiling_config.enabled: unknown argument; this table takes path_prefix, profile",
    ],
  },
  {
    title: "enabled in profile",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.enabled = false`,
    problems: [
      "agent.toml:4:26: pyroscope.scrape.a.profiling_config.profile.enabled: belongs below a profile type: write it in [….profile.TYPE]",
    ],
  },
  {
    title: "a path that is a URL",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
profiling_config.profile.memory.path = "http://a/b"`,
    problems: [
      'agent.toml:4:40: pyroscope.scrape.a.profiling_config.profile.memory.path: expected a path such as "/debug/pprof/heap"; the host belongs into the targets',
    ],
  },
  {
    title: "clustering without enabled",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
clustering = {}`,
    problems: [
      "agent.toml:4:1: pyroscope.scrape.a.clustering.enabled: required, but missing; for example enabled = true",
    ],
  },
  {
    title: "a reserved name in http_headers",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
http_headers = { Host = "s3cret" }`,
    problems: [
      "agent.toml:4:18: pyroscope.scrape.a.http_headers.Host: this header is set by the agent itself and cannot be configured; remove it",
    ],
  },
  {
    title: "godeltaprof in phlare.scrape",
    text: `[phlare.scrape.a]
targets = []
forward_to = []
profiling_config.profile.godeltaprof_memory.enabled = true`,
    problems: [
      "agent.toml:4:26: phlare.scrape.a.profiling_config.profile.godeltaprof_memory: unknown profile type; your own are written [….profile.custom.godeltaprof_memory]",
    ],
  },
  {
    title: "HTTP arguments beside http_client_config",
    text: `[phlare.scrape.a]
targets = []
forward_to = []
bearer_token = "s3cret"
[phlare.scrape.a.http_client_config]
enable_http_2 = true
enable_http2 = true`,
    problems: [
      "agent.toml:4:16: phlare.scrape.a.bearer_token: stands beside http_client_config: move it in there",
      "agent.toml:6:17: phlare.scrape.a.http_client_config.enable_http_2: enable_http2 and enable_http_2 are the same argument; keep one of them",
    ],
  },
  {
    title: "credential beside credentials",
    text: `[phlare.scrape.a]
targets = []
forward_to = []
[phlare.scrape.a.http_client_config.authorization]
credential = "s3cret"
credentials = "s3cret"`,
    problems: [
      "agent.toml:6:15: phlare.scrape.a.http_client_config.authorization.credentials: credential and credentials cannot both be set; keep one of them",
    ],
  },
  {
    title: "a scope given twice and an empty secret of oauth2",
    text: `[pyroscope.scrape.a]
targets = { __address__ = "h:1" }
forward_to = []
oauth2 = { client_id = "a", client_secret = "", token_url = "https://h", scopes = "a", endpoint_params.scope = "b" }`,
    problems: [
      "agent.toml:4:45: pyroscope.scrape.a.oauth2.client_secret: must not be empty",
      "agent.toml:4:112: pyroscope.scrape.a.oauth2.endpoint_params.scope: cannot stand beside scopes, which it would replace; keep one of them",
    ],
  },
];
