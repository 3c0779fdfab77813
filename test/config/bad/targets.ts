import type { BadConfig } from "./bad-config.ts";

export const targets: readonly BadConfig[] = [
  {
    title: "a target without an address",
    text: `[pyroscope.scrape.a]
targets = { service_name = "x" }
forward_to = []`,
    problems: [
      'agent.toml:2:11: pyroscope.scrape.a.targets: a target needs the label __address__, such as { __address__ = "localhost:6060" }',
    ],
  },
  {
    title: "a target of a list of tables without an address",
    text: `[pyroscope.scrape.a]
forward_to = []
[[pyroscope.scrape.a.targets]]
__address__ = "x:1"
[[pyroscope.scrape.a.targets]]
__adress__ = "x:1"`,
    problems: [
      'agent.toml:5:22: pyroscope.scrape.a.targets[1]: a target needs the label __address__, such as { __address__ = "localhost:6060" }',
    ],
  },
  {
    title: "a target that is a URL, without its userinfo",
    text: `[pyroscope.scrape.a]
targets = [{ __address__ = "http://u:p@localhost:6060/debug" }]
forward_to = []`,
    problems: [
      'agent.toml:2:28: pyroscope.scrape.a.targets[0].__address__: expected host:port, found a URL; write __address__ = "localhost:6060", __scheme__ = "http"',
    ],
  },
  {
    title: "a target with a path",
    text: `[pyroscope.scrape.a]
targets = [{ __address__ = "localhost:6060/debug" }]
forward_to = []`,
    problems: [
      "agent.toml:2:28: pyroscope.scrape.a.targets[0].__address__: expected host:port, without path, user name or space; a path goes into __profile_path_prefix__",
    ],
  },
  {
    title: "a target with a port that there is none of",
    text: `[pyroscope.scrape.a]
targets = [{ __address__ = "h:99999" }, { __address__ = "h:http" }, { __address__ = "[::1" }]
forward_to = []`,
    problems: [
      'agent.toml:2:28: pyroscope.scrape.a.targets[0].__address__: expected host:port with a port of at most 65535, found "h:99999"',
      'agent.toml:2:57: pyroscope.scrape.a.targets[1].__address__: expected host:port with a port of at most 65535, found "h:http"',
      'agent.toml:2:85: pyroscope.scrape.a.targets[2].__address__: expected host:port with a port of at most 65535, found "[::1"',
    ],
  },
  {
    title: "a target with a scheme that is not HTTP's",
    text: `[pyroscope.scrape.a]
targets = [{ __address__ = "h:1", __scheme__ = "ftp" }, { __address__ = "h:1", __scheme__ = "http://u:hunter2@h" }]
forward_to = []`,
    problems: [
      'agent.toml:2:48: pyroscope.scrape.a.targets[0].__scheme__: expected "http" or "https", found "ftp"',
      'agent.toml:2:93: pyroscope.scrape.a.targets[1].__scheme__: expected "http" or "https", found "http://…@h"',
    ],
  },
  {
    title: "a unix socket written in another way",
    text: `[pyroscope.scrape.a]
targets = [
  { __address__ = "/run/app.sock" },
  { __address__ = "unix:/run/app.sock" },
  { __address__ = "unix://app.sock" },
  { __address__ = "http://unix:/run/app.sock:/prefix" },
]
forward_to = []`,
    problems: [
      'agent.toml:3:19: pyroscope.scrape.a.targets[0].__address__: expected host:port, or a unix socket as __address__ = "unix:///run/app.sock"',
      'agent.toml:4:19: pyroscope.scrape.a.targets[1].__address__: a unix socket needs its absolute path behind unix://; write "unix:///run/app.sock"',
      'agent.toml:5:19: pyroscope.scrape.a.targets[2].__address__: a unix socket needs its absolute path, as in "unix:///run/app.sock"; found "unix://app.sock"',
      'agent.toml:6:19: pyroscope.scrape.a.targets[3].__address__: expected host:port, or a unix socket as __address__ = "unix:///run/app.sock:/prefix"',
    ],
  },
  {
    title: "a unix socket over https, with a profile or with a query",
    text: `[pyroscope.scrape.a]
targets = [
  { __address__ = "unix:///run/app.sock", __scheme__ = "https" },
  { __address__ = "unix:///run/app.sock:/debug/pprof/heap?seconds=1" },
  { __address__ = "unix:///run/app.sock:/admin/debug/pprof/" },
  { __address__ = "unix:///run/app.sock:/p?seconds=1" },
]
forward_to = []`,
    problems: [
      'agent.toml:3:56: pyroscope.scrape.a.targets[0].__scheme__: over a unix socket only "http" is spoken; remove "__scheme__"',
      'agent.toml:4:19: pyroscope.scrape.a.targets[1].__address__: the agent adds /debug/pprof/… itself: write "unix:///run/app.sock"',
      'agent.toml:5:19: pyroscope.scrape.a.targets[2].__address__: the agent adds /debug/pprof/… itself: write "unix:///run/app.sock:/admin"',
      'agent.toml:6:19: pyroscope.scrape.a.targets[3].__address__: must not have a query; a parameter goes into the label "__param_NAME"',
    ],
  },
  {
    title: "a label name that cannot be sent",
    text: `[pyroscope.scrape.a]
targets = [{ __address__ = "a:1", "my-label" = "x" }]
forward_to = []`,
    problems: [
      'agent.toml:2:35: pyroscope.scrape.a.targets[0].my-label: "my-label" cannot be a label name: it must match [a-zA-Z_][a-zA-Z0-9_.]*; "my_label" would do',
    ],
  },
  {
    title: "a label value that is a list",
    text: `[pyroscope.scrape.a]
targets = [{ __address__ = "a:1", tags = ["x"] }]
forward_to = []`,
    problems: [
      "agent.toml:2:42: pyroscope.scrape.a.targets[0].tags: expected a label value (a string, a number, true or false), found a list",
    ],
  },
  {
    title: "a target that is a number",
    text: `[pyroscope.scrape.a]
targets = [6060]
forward_to = []`,
    problems: ["agent.toml:2:12: pyroscope.scrape.a.targets[0]: expected a table, found a number"],
  },
];
