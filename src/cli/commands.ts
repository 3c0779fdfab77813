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

const run: Command = {
  name: "run",
  summary: "Scrape and deliver until told to stop (the default command)",
  usage: ["[run] --config FILE", "[run] --target URL... [--server URL...] [--label KEY=VALUE...]"],
  description:
    "Runs until SIGTERM or SIGINT, then delivers what is queued, for 5 s at most; a second signal ends it at once.",
  maxArgs: 1,
  flags: { ...source, ...running },
  load: async () => (await import("./run.ts")).run,
};

const check: Command = {
  name: "check",
  summary: "Check a configuration and show every URL it would scrape",
  usage: ["check --config FILE [--json]", "check --target URL... [--server URL...] [--label KEY=VALUE...]"],
  description:
    "Prints every problem at once, or the effective plan: each URL with interval, seconds, timeout, delta and labels.",
  maxArgs: 1,
  flags: { ...source, json: { help: "Print one JSON document" } },
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
      help: "Deadline of a test; without a file 30s, plus the seconds that the URL asks for",
    },
    json: { help: "Print one JSON document" },
  },
  load: async () => (await import("./test.ts")).test,
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
  usage: ["help [COMMAND]"],
  description: "The same as COMMAND --help.",
  maxArgs: 1,
  flags: {},
  load: async () => (await import("./help.ts")).help,
};

/** Every command, as the help lists them. The first one is meant where none is named. */
export const commands: readonly [Command, ...Command[]] = [run, check, test, demo, help];
