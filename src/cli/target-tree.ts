import { isIPv6 } from "node:net";
import { withoutCredentials } from "../base/index.ts";
import { formatUnixUrl, isUnixUrl, meantUnixUrl, parseUnixUrl, unixUrlProblem } from "../http/index.ts";
import { type CommandLine, flagValue } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** The configuration that the flags `--target`, `--server` and `--label` stand for, as a file would have it. */
export function targetTree(line: CommandLine): Record<string, unknown> {
  const labels = parseLabels(line.flags.get("label") ?? []);
  const servers = line.flags.get("server") ?? [];
  const receiver = servers.length > 0 ? "pyroscope.write.default" : "pyroscope.store.default";
  const targets = (line.flags.get("target") ?? []).map((text) => ({
    ...parseTarget(text),
    ...labels,
  }));
  return {
    pyroscope: {
      scrape: { default: { targets, forward_to: [receiver], ...(servers.length === 0 && { scrape_interval: "5s" }) } },
      ...(servers.length > 0
        ? { write: { default: { endpoint: servers.map((url) => ({ url })) } } }
        : { store: { default: {} } }),
    },
  };
}

/**
 * `http://host:port/prefix` or `unix:///path/of.sock:/prefix` as target labels. `service_name` is the address unless a label says
 * otherwise.
 */
function parseTarget(text: string): Record<string, string> {
  const wrong = (why: string): UsageError => new UsageError(`Target "${withoutCredentials(text)}" ${why}`);
  const meant = meantTarget(text);
  if (isUnixUrl(text) && !meant) return parseUnixTarget(text, wrong);
  if (/^\.{1,2}\//.test(text))
    throw wrong('is no address: a unix socket is written as "unix:///run/app.sock", with its absolute path');
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (meant) throw wrong(`is no address: did you mean "${meant}"?`);
  if (!url || url.hostname === "") throw wrong("is no address: write host:port or http://host:port");
  if (!/^https?:$/.test(url.protocol)) throw wrong(`has the scheme "${url.protocol.slice(0, -1)}": use http or https`);
  if (url.username !== "" || url.password !== "")
    throw new UsageError("A target holds a user name or password: authentication needs a configuration file");
  return {
    __address__: url.host,
    __scheme__: url.protocol.slice(0, -1),
    ...prefixLabel(url, { wrong, processAt: (prefix) => `${url.origin}${prefix}` }),
    service_name: url.host,
  };
}

function parseUnixTarget(text: string, wrong: (why: string) => UsageError): Record<string, string> {
  const unix = parseUnixUrl(text);
  if (!unix) throw wrong(`is no address: ${unixUrlProblem(text)}`);
  const address = formatUnixUrl(unix.socketPath);
  return {
    __address__: address,
    ...prefixLabel(unix.url, { wrong, processAt: (prefix) => formatUnixUrl(unix.socketPath, prefix) }),
    service_name: address,
  };
}

/** The path of a target's URL as the prefix of all that is requested. */
function prefixLabel(
  { pathname, search, hash }: URL,
  { wrong, processAt }: { wrong: (why: string) => UsageError; processAt: (prefix: string) => string },
): Record<string, string> {
  if (search !== "" || hash !== "") throw wrong("has a query: parameters need a configuration file");
  // People paste the address of the index they look at in a browser.
  const [path = "", profile = ""] = pathname.split("/debug/pprof");
  if (profile.replace(/\/+$/, "") !== "")
    throw wrong(
      `names one profile: name the process, "${processAt(path)}"; choosing profiles needs a configuration file`,
    );
  const prefix = path.replace(/\/+$/, "");
  return prefix === "" ? {} : { __profile_path_prefix__: prefix };
}

/** What somebody meant who wrote no address; a URL parser would make something of it that nobody meant. */
export function meantTarget(text: string): string | undefined {
  const port = /^:?(\d+)$/.exec(text)?.[1];
  if (port !== undefined) return `localhost:${port}`;
  const rest = /^https?:?\/{1,2}(?:https?:\/\/)?(.+)$/i.exec(text)?.[1];
  if (rest !== undefined && !/^https?:\/\/(?!https?:\/\/)/i.test(text)) return `http://${rest}`;
  return isIPv6(text) ? `[${text}]:6060` : meantUnixUrl(text);
}

function parseLabels(texts: readonly string[]): Record<string, string> {
  const labels = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`Label "${text}" has no name and value: write --label KEY=VALUE`);
    const name = text.slice(0, at);
    if (name.startsWith("__"))
      throw new UsageError(`Label "${name}" is internal: what steers a scrape needs a configuration file`);
    if (labels.has(name)) throw new UsageError(`Label "${name}" was given twice`);
    labels.set(name, text.slice(at + 1));
  }
  return Object.fromEntries(labels);
}

/** Refuses combinations of flags that say two things or half of one. Returns the file, where one is named. */
export function configFile(line: CommandLine): string | undefined {
  const { flags, args } = line;
  const file = flagValue(line, "config");
  if (file !== undefined && args.length > 0)
    throw new UsageError(`Two configuration files: "${file}" and "${args[0]}"`);
  const named = file ?? args[0];
  if (named !== undefined)
    for (const flag of ["target", "server", "label"])
      if (flags.has(flag))
        throw new UsageError(`Flag "--${flag}" stands beside the file "${named}": put it into the file`);
  if (named === undefined && !flags.has("target"))
    throw new UsageError(
      flags.has("server") || flags.has("label")
        ? "Nothing to scrape: give --target URL"
        : "No configuration: give --config FILE or --target URL",
    );
  return named;
}
