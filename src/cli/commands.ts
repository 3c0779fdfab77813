import type { Command, Flag } from "./command.ts";

const source: Readonly<Record<string, Flag>> = {
  config: { value: "FILE", help: "Configuration file, .toml or .json" },
  target: {
    value: "URL",
    repeatable: true,
    help: "A process to scrape, without a file: host:port, http://host:port/prefix or unix:///path",
  },
  server: {
    value: "URL",
    repeatable: true,
    help: "With --target: a Pyroscope server to push to; without one, profiles stay on this box",
  },
  label: {
    value: "KEY=VALUE",
    repeatable: true,
    help: "With --target: a label of every profile, such as service_name",
  },
};

const running: Readonly<Record<string, Flag>> = {
  listen: { value: "ADDRESS", help: "Where the debug page listens, over server.listen_address" },
  "log-level": { value: "LEVEL", help: "debug, info (default), warn or error" },
  "log-format": { value: "FORMAT", help: "text (default on a terminal), logfmt (default elsewhere) or json" },
};

const reloading: Readonly<Record<string, Flag>> = {
  watch: { help: "With a file: reload it when it changes, as SIGHUP and POST /-/reload do" },
};

const run: Command = {
  name: "run",
  summary: "Scrape and deliver until told to stop (the default command)",
  usage: ["[run] --config FILE", "[run] --target URL... [--server URL...] [--label KEY=VALUE...]"],
  description: `Runs until SIGTERM or SIGINT, then delivers or stores what is queued, for 5 s at most; a second signal ends it at
once. SIGHUP reloads the file: a good one takes effect whole, a bad one changes nothing.`,
  maxArgs: 1,
  flags: { ...source, ...reloading, ...running },
  load: async () => (await import("./run.ts")).run,
};

const check: Command = {
  name: "check",
  summary: "Check a configuration and show every URL it would scrape",
  usage: [
    "check --config FILE [--json]",
    "check --target URL... [--server URL...] [--label KEY=VALUE...]",
    "check --config FILE --explain [COMPONENT] [TEXT] [--timeout DURATION] [--json]",
    "check --config FILE --explain [COMPONENT] --target LABEL=VALUE,... [--json]",
  ],
  description: `Prints every problem at once, or the effective plan: each URL with interval, seconds, timeout, delta and labels.
With --explain it looks once for targets, as the components discovery.* do, and shows for these and those in the file
what each relabel rule does to them, what is scraped of them and as what it is sent. COMPONENT is the id of one that
targets come through, TEXT is in the labels of the targets that are meant, and --target gives one by hand.
Ends with 1 where a source of targets does not answer.`,
  maxArgs: 3,
  flags: {
    ...source,
    explain: { help: "Show what each relabel rule does to targets" },
    timeout: { value: "DURATION", help: "With --explain: how long to look for targets, 10s unless given" },
    json: { help: "Print one JSON document" },
  },
  load: async () => (await import("./check.ts")).check,
};

const test: Command = {
  name: "test",
  summary: "Make one request and explain every step of it",
  usage: ["test URL [--timeout DURATION] [--json]", "test --config FILE [--component ID] [--all] [URL]"],
  description: `Tries name, connection, proxy, TLS, authentication and content, and says what to try next. A URL without a path
stands for the process: every profile type is asked for. With a file, the settings of its components are used: a
scrape component's first target is tested, and every endpoint is sent an empty push, of which nothing is stored.`,
  maxArgs: 1,
  flags: {
    config: { value: "FILE", help: "Configuration file, .toml or .json" },
    component: { value: "ID", help: "Test this component only, or the URL with its settings" },
    all: { help: "Test every target of a scrape component" },
    timeout: {
      value: "DURATION",
      help: "Deadline of a request, on top of the time it profiles for; without a file 30s",
    },
    json: { help: "Print one JSON document" },
  },
  load: async () => (await import("./test.ts")).test,
};

const status: Command = {
  name: "status",
  summary: "Ask the running agent how it is, and what to do next",
  usage: ["status [--config FILE | --url URL] [--json]"],
  description: `Shows targets that are down, where targets come from, the cluster, every endpoint with what waits for it in memory and
on disk, and what to do next.
Ends with 0 where all is well, 1 where something is down or was dropped in the last hour, 3 where no agent answers.`,
  maxArgs: 0,
  flags: {
    config: { value: "FILE", help: "The agent's configuration file, whose server.listen_address is asked" },
    url: { value: "URL", help: "The address of its debug page, http://127.0.0.1:12345 unless given" },
    json: { help: "Print one JSON document" },
  },
  load: async () => (await import("./status.ts")).status,
};

const demo: Command = {
  name: "demo",
  summary: "Let the agent profile itself and show the result on its page",
  usage: ["demo [--listen ADDRESS]"],
  description: "Needs no file and no server. Prints the address to open and keeps running.",
  maxArgs: 0,
  flags: running,
  load: async () => (await import("./demo.ts")).demo,
};

const help: Command = {
  name: "help",
  summary: "Explain a command",
  usage: ["help [COMMAND]", "help alloy"],
  description:
    "The same as COMMAND --help. The second form shows how a file of Grafana Alloy is written for this agent.",
  maxArgs: 1,
  flags: {},
  load: async () => (await import("./help.ts")).help,
};

/** Every command, as the help lists them. The first one is meant where none is named. */
export const commands: readonly [Command, ...Command[]] = [run, check, test, status, demo, help];
