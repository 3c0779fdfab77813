import type { BadConfig } from "./bad-config.ts";

/** Lines in a file that is TOML otherwise. */
const halfAlloy: readonly (readonly [line: string, column: number, message: string])[] = [
  ['[pyroscope.scrape "local"]', 19, "write [pyroscope.scrape.local]"],
  ['[pyroscope.scrape "my app"]', 19, "write [pyroscope.scrape.LABEL]"],
  ["clustering { enabled = true }", 12, "a block is a table, clustering = { … }, with commas between its arguments"],
  ['  profile.custom "x" {', 18, "a block is a table, profile.custom.x = { … }, with commas between its arguments"],
  [
    "rule {",
    6,
    "a block is a table, rule = { … }, with commas between its arguments; of several, each is a table [[….rule]]",
  ],
  ['targets = [{"__address__": "a"}]', 26, 'between a key and its value stands "="'],
  ["scrape_interval: 15s", 16, 'between a key and its value stands "="'],
  ["listen_address = :12345", 18, "the value needs quotes, unless it is a number, true or false"],
  ["// comment", 1, "a comment begins with #"],
  ["targets = [] // comment", 14, "a comment begins with #"],
  ["targets = discovery.http.x.targets", 11, 'the id of a component needs quotes: "discovery.http.x"'],
  [
    "targets = concat(discovery.http.x.targets, [])",
    11,
    'in place of concat(), one list holds all: ["discovery.http.LABEL", { __address__ = "host:port" }]',
  ],
  ['url = sys.env("X")', 7, 'in place of a function, "${NAME}" is an environment variable'],
  ["url = local.file.x(hunter2)", 7, "the value needs quotes, unless it is a number, true or false"],
  ["url = json_decode(hunter2)", 7, "there are no functions"],
];

export const syntax: readonly BadConfig[] = [
  {
    title: "a duration without quotes",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
scrape_interval = 15s`,
    problems: ['agent.toml:4:21: 15s needs quotes; a duration is a string: scrape_interval = "15s"'],
  },
  {
    title: "a size without quotes",
    text: `[pyroscope.write.a.endpoint]
url = "http://h:4040"
queue = { max_memory = 16MiB }`,
    problems: ['agent.toml:3:26: 16MiB needs quotes; a size is a string: max_memory = "16MiB"'],
  },
  {
    title: "a word without quotes",
    text: `[logging]
level = debug`,
    problems: ["agent.toml:2:9: not valid TOML: the value needs quotes, unless it is a number, true or false"],
  },
  {
    title: "a capital True",
    text: `[x]
a = True`,
    problems: ["agent.toml:2:5: not valid TOML: write true, in lower case"],
  },
  {
    title: "[[targets]] beside references",
    text: `[pyroscope.scrape.a]
targets = ["discovery.http.x"]
[[pyroscope.scrape.a.targets]]
__address__ = "a:1"`,
    problems: [
      "agent.toml:3:3: targets is a list above already, and [[…]] cannot add to it: write this item into that list as { … }, beside the others",
    ],
  },
  {
    title: "a table that stands twice",
    text: `[pyroscope.write.a]
[pyroscope.write.a]`,
    problems: [
      "agent.toml:2:2: this table stands above already: merge the two; where a list of tables is meant, each is written [[…]]",
    ],
  },
  {
    title: "a key that stands twice",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
targets = []`,
    problems: ["agent.toml:4:1: this key is set above already: keep one of the two"],
  },
  {
    title: "a string that is not closed, without showing it",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
job_name = "hunter2`,
    problems: ["agent.toml:4:12: not valid TOML: a string is not closed on its line; add the closing quote"],
  },
  {
    title: "a backslash in a string",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
job_name = "C:\\x"`,
    problems: [
      "agent.toml:4:17: not valid TOML: invalid non-hex character in unicode escape; in 'single quotes' a backslash is just a backslash",
    ],
  },
  {
    title: "a key of two words",
    text: `[pyroscope.scrape.a]
targets = []
forward_to = []
a b = 1`,
    problems: ["agent.toml:4:3: not valid TOML: illegal character in key"],
  },
  {
    title: "JSON keys that stand twice",
    path: "agent.json",
    text: `{
  "logging": { "level": "info", "level": "warn" },
  "logging": {}
}`,
    problems: [
      'agent.json:2:33: the key "level" is set above already: keep one of the two',
      'agent.json:3:3: the key "logging" is set above already: keep one of the two',
    ],
  },
  {
    title: "a JSON word without quotes",
    path: "agent.json",
    text: `{
  "logging": { "level": info }
}`,
    problems: ["agent.json:2:25: not valid JSON: a word that is no value; a string needs quotes"],
  },
  {
    title: "a trailing comma in JSON",
    path: "agent.json",
    text: `{
  "logging": { "level": "info", },
}`,
    problems: [
      "agent.json:2:33: not valid JSON: a key in quotes was expected; perhaps the comma before it is one too many",
    ],
  },
  {
    title: "a comment in JSON",
    path: "agent.json",
    text: `{
  // x
}`,
    problems: ["agent.json:2:3: not valid JSON: JSON has no comments; TOML has"],
  },
  {
    title: "a JSON list",
    path: "agent.json",
    text: `[]`,
    problems: ["agent.json:1:1: expected an object with the tables of a configuration"],
  },
  {
    title: "an empty JSON file",
    path: "agent.json",
    text: ``,
    problems: ["agent.json:1:1: not valid JSON: a value was expected"],
  },
  ...[`{"a":${'{"a":'.repeat(20_000)}`, `{"a": "]}", "b": ${"[".repeat(64)}${"]".repeat(64)}}`].map((text, index) => ({
    title: `JSON that nests too deep (${index})`,
    path: "agent.json",
    text,
    problems: [
      `agent.json:1:${[64 * 5 + 1, 17 + 64][index]}: nests deeper than 64 levels, which no configuration does`,
    ],
  })),
  {
    title: "TOML lists that nest too deep",
    text: `a = ${"[".repeat(20_000)}`,
    problems: ["agent.toml:1:69: nests deeper than 64 levels, which no configuration does"],
  },
  {
    title: "TOML keys that nest too deep",
    text: `${Array.from({ length: 20_000 }, () => "a").join(".")} = 1`,
    problems: ["agent.toml: nests deeper than 64 levels, which no configuration does"],
  },
  {
    title: "a password that begins with a zero, without showing it",
    text: `[pyroscope.write.a.endpoint]
basic_auth.password = 07331`,
    problems: [
      "agent.toml:2:23: not valid TOML: a number does not begin with 0; put it in quotes if it is a text, such as a password",
    ],
  },
  {
    title: "a file in Alloy's language",
    text: `// comment
  pyroscope.scrape "x" {
  targets = []
}`,
    problems: [
      'agent.toml:2:3: this is Alloy\'s language, and the agent reads TOML or JSON: pyroscope.scrape "LABEL" { … } is the table [pyroscope.scrape.LABEL]; "agent help alloy" shows how to turn one into the other',
    ],
  },
  {
    title: "a file with the name of Alloy's",
    path: "config.river",
    text: `logging {
}`,
    problems: [
      'config.river:1:1: this is Alloy\'s language, and the agent reads TOML or JSON: logging { … } is the table [logging]; "agent help alloy" shows how to turn one into the other',
    ],
  },
  {
    title: "a file with the name of Alloy's and no block",
    path: "config.alloy",
    text: `// nothing yet`,
    problems: [
      'config.alloy:1:1: this is Alloy\'s language, and the agent reads TOML or JSON; "agent help alloy" shows how to turn one into the other',
    ],
  },
  ...["livedebugging {", 'argument "x" {', 'import.file "x" {', 'declare "x" { // y'].map((line) => ({
    title: `${line} of Alloy's language`,
    text: `// comment
${line}
}`,
    problems: [
      'agent.toml:2:1: this is Alloy\'s language, and the agent reads TOML or JSON; "agent help alloy" shows how to turn one into the other',
    ],
  })),
  {
    title: "YAML",
    path: "agent.yaml",
    text: `server:
  http_listen_port: 12345`,
    problems: ["agent.yaml:1:1: this is no TOML; the agent reads TOML or JSON, and no YAML"],
  },
  {
    title: "a mistake in TOML, whatever the name of the file",
    path: "agent.yml",
    text: `[logging]
level = debug`,
    problems: ["agent.yml:2:9: not valid TOML: the value needs quotes, unless it is a number, true or false"],
  },
  {
    title: "half of Alloy's language where there is no whole line of TOML",
    text: `[pyroscope.scrape "a"]
clustering { enabled = true }`,
    problems: ["agent.toml:1:19: not valid TOML: write [pyroscope.scrape.a]"],
  },
  ...halfAlloy.map(([line, column, message]) => ({
    title: `half of Alloy's language: ${line}`,
    text: `[logging]\n${line}`,
    problems: [`agent.toml:2:${column}: not valid TOML: ${message}`],
  })),
];
