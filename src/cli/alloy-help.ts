/** What `agent help alloy` prints, for who has the program and not its documentation. */
export const alloyHelp = `How a file of Grafana Alloy (or Grafana Agent Flow) is written for this agent, in TOML. Kinds of components, their
arguments and defaults have the same names; a block becomes a table.

  In Alloy                                        Here
  pyroscope.scrape "local" { … }                  [pyroscope.scrape.local]
  targets = [{"__address__" = "h:1"}]             targets = [{ __address__ = "h:1" }]
  targets = discovery.http.a.targets              targets = ["discovery.http.a"]
  targets = concat(A.targets, [{…}])              targets = ["A", { … }]
  forward_to = [pyroscope.write.b.receiver]       forward_to = ["pyroscope.write.b"]
  clustering { enabled = true }                   clustering = { enabled = true }
  profiling_config { profile.mutex {              [pyroscope.scrape.local.profiling_config.profile.mutex]
    enabled = false } }                           enabled = false
  profile.custom "x" { … }                        [pyroscope.scrape.local.profiling_config.profile.custom.x]
  endpoint { url = "…" }                          [[pyroscope.write.b.endpoint]]
                                                  url = "…"
  rule { … }, in discovery.relabel "r"            [[discovery.relabel.r.rule]]
  pyroscope.relabel "r" { rule { … } }            [[pyroscope.write.b.rule]]
  regex = "\\\\d+"                                  regex = '\\d+'
  sys.env("NAME")                                 "\${NAME}"
  // comment                                      # comment
  logging { level = "debug" }                     [logging]
                                                  level = "debug"

  The command line of Alloy                       Here
  run FILE, validate FILE                         run FILE, check FILE
  --server.http.listen-addr=ADDRESS               --listen ADDRESS, or [server] listen_address = "ADDRESS"
  --storage.path=PATH                             [storage] path = "PATH"
  --cluster.enabled and the like                  [cluster.etcd] endpoints = ["URL"], or [cluster.kubernetes]

"agent check FILE" names everything that is left to change, each with its line. What differs in the meaning of an
argument stands in docs/migrating-from-alloy.md of the source.
`;
