import { discoveryKinds } from "../../../src/discovery/index.ts";
import type { BadConfig } from "./bad-config.ts";

const discoveryNames = discoveryKinds.map(({ name }) => name).join(", ");

export const references: readonly BadConfig[] = [
  {
    title: "an unknown component that is like a known one",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.write.stagin"]
[pyroscope.write.staging]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: there is no component "pyroscope.write.stagin"; did you mean "pyroscope.write.staging"?',
    ],
  },
  {
    title: "an unknown component",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = "pyroscope.write.b"
`,
    problems: [
      'agent.toml:3:14: pyroscope.scrape.a.forward_to: there is no component "pyroscope.write.b"; add [pyroscope.write.b]',
    ],
  },
  {
    title: "an unknown component, and does not offer the one that names it",
    text: `[discovery.relabel.http]
targets = ["discovery.http.htt", "discovery.relabel.htt"]
[discovery.dns.b]
names = ["a"]
type = "A"
port = 1`,
    problems: [
      'agent.toml:2:12: discovery.relabel.http.targets[0]: there is no component "discovery.http.htt"; add [discovery.http.htt], or use "discovery.dns.b"',
      'agent.toml:2:34: discovery.relabel.http.targets[1]: there is no component "discovery.relabel.htt"; add [discovery.relabel.htt], or use "discovery.dns.b"',
    ],
  },
  {
    title: "a component that takes no profiles",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.scrape.b"]
[pyroscope.scrape.b]
targets = []
forward_to = ["pyroscope.store.c"]
[pyroscope.store.c]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: "pyroscope.scrape.b" is no component that takes profiles; one that does is "pyroscope.store.c"',
    ],
  },
  {
    title: "a component that finds no targets",
    text: `[pyroscope.scrape.a]
targets = ["pyroscope.store.c"]
forward_to = []
[pyroscope.store.c]`,
    problems: [
      'agent.toml:2:12: pyroscope.scrape.a.targets[0]: "pyroscope.store.c" is no component that finds targets',
    ],
  },
  {
    title: "a suffix that does not fit",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.store.c.targets"]
[pyroscope.store.c]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: ".targets" is not what is needed here, a receiver; write "pyroscope.store.c"',
    ],
  },
  {
    title: "a suffix that does not exist",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.store.c.recv"]
[pyroscope.store.c]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: ".recv" is not what is needed here, a receiver; write "pyroscope.store.c"',
    ],
  },
  {
    title: "a component id without a label",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.store"]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: expected the id of a component such as "pyroscope.write.default", found "pyroscope.store"; the label is missing',
    ],
  },
  {
    title: "an address where a component id is meant",
    text: `[pyroscope.scrape.a]
targets = ["localhost:6060"]
forward_to = []`,
    problems: [
      'agent.toml:2:12: pyroscope.scrape.a.targets[0]: expected the id of a component such as "discovery.http.default", found "localhost:6060"; an address is written as a target, { __address__ = "localhost:6060" }',
    ],
  },
  {
    title: "a unix socket where a component id is meant",
    text: `[pyroscope.scrape.a]
targets = ["unix:///run/app.sock"]
forward_to = ["unix:///run/pyroscope.sock"]`,
    problems: [
      'agent.toml:2:12: pyroscope.scrape.a.targets[0]: expected the id of a component such as "discovery.http.default", found "unix:///run/app.sock"; an address is written as a target, { __address__ = "unix:///run/app.sock" }',
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: expected the id of a component such as "pyroscope.write.default", found "unix:///run/pyroscope.sock"; a server is the url of an endpoint: [[pyroscope.write.LABEL.endpoint]]',
    ],
  },
  {
    title: "a URL with a password where a target is meant, without the password",
    text: `[pyroscope.scrape.a]
targets = ["http://user:hunter2@host:6060", "https://u:s3cr@et@host/debug?token=s3c"]
forward_to = []`,
    problems: [
      'agent.toml:2:12: pyroscope.scrape.a.targets[0]: expected the id of a component such as "discovery.http.default", found "http://…@host:6060"; an address is written as a target, { __address__ = "host:6060" }',
      'agent.toml:2:45: pyroscope.scrape.a.targets[1]: expected the id of a component such as "discovery.http.default", found "https://…@host/debug?…"; an address is written as a target, { __address__ = "host", __scheme__ = "https" }',
    ],
  },
  {
    title: "a receiver that is named twice, whatever it is called",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = [
  "pyroscope.write.t",
  "pyroscope.write.u",
  "pyroscope.write.t.receiver",
  "phlare.write.t",
]
[pyroscope.write.t]
[pyroscope.write.u]`,
    problems: [
      'agent.toml:6:3: pyroscope.scrape.a.forward_to[2]: names "pyroscope.write.t", which pyroscope.scrape.a.forward_to[0] names too; remove one of the two',
      'agent.toml:7:3: pyroscope.scrape.a.forward_to[3]: names "pyroscope.write.t", which pyroscope.scrape.a.forward_to[0] names too; remove one of the two',
    ],
  },
  {
    title: "a component that is named twice among the targets",
    text: `[pyroscope.scrape.a]
targets = ["test.finder.x", { __address__ = "h:1" }, "test.finder.x.output"]
forward_to = []
[test.finder.x]`,
    problems: [
      'agent.toml:2:54: pyroscope.scrape.a.targets[2]: names "test.finder.x", which pyroscope.scrape.a.targets[0] names too; remove one of the two',
    ],
  },
  {
    title: "a URL where a component id is meant",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["http://pyroscope:4040"]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: expected the id of a component such as "pyroscope.write.default", found "http://pyroscope:4040"; a server is the url of an endpoint: [[pyroscope.write.LABEL.endpoint]]',
    ],
  },
  {
    title: "a circle",
    text: `[test.pipe.a]
forward_to = ["test.pipe.b"]
[test.pipe.b]
forward_to = ["test.pipe.a"]`,
    problems: [
      "agent.toml:4:15: test.pipe.b.forward_to[0]: closes a circle: test.pipe.a -> test.pipe.b -> test.pipe.a; profiles and targets must flow one way",
    ],
  },
  {
    title: "a component that forwards to itself",
    text: `[test.pipe.a]
forward_to = "test.pipe.a.receiver"`,
    problems: [
      "agent.toml:2:14: test.pipe.a.forward_to: closes a circle: test.pipe.a -> test.pipe.a; profiles and targets must flow one way",
    ],
  },
  {
    title: "a component of a kind that takes no profiles",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = ["pyroscope.scrape.b", "loki.write.x", "pyroscope.receive_http.y"]`,
    problems: [
      'agent.toml:3:15: pyroscope.scrape.a.forward_to[0]: there is no component "pyroscope.scrape.b"; the kinds that take profiles are pyroscope.write, pyroscope.store, test.pipe',
      'agent.toml:3:37: pyroscope.scrape.a.forward_to[1]: there is no component "loki.write.x", nor a kind "loki.write"; the kinds that take profiles are pyroscope.write, pyroscope.store, test.pipe',
      'agent.toml:3:53: pyroscope.scrape.a.forward_to[2]: there is no component "pyroscope.receive_http.y"; pyroscope.receive_http is not carried out by this version of the agent (0.1.0); the kinds that take profiles are pyroscope.write, pyroscope.store, test.pipe',
    ],
  },
  {
    title: "targets of a kind that is not carried out",
    text: `[pyroscope.scrape.a]
targets = ["discovery.consul.x"]
forward_to = []
[test.finder.y]`,
    problems: [
      `agent.toml:2:12: pyroscope.scrape.a.targets[0]: there is no component "discovery.consul.x"; discovery.consul is not carried out by this version of the agent (0.1.0); the kinds that find targets are test.finder, ${discoveryNames}, or use "test.finder.y"`,
    ],
  },
];
