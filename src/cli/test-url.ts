import { withoutCredentials } from "../base/index.ts";
import { formatUnixUrl, isUnixUrl, parseUnixUrl, unixUrlProblem } from "../http/index.ts";
import { meantTarget } from "./target-tree.ts";
import { UsageError } from "./usage-error.ts";

/** A URL that `agent test` was given. */
export interface TestUrl {
  /** As it is requested; may hold credentials. */
  readonly url: string;
  /** Whether it names a process, or the index of its profiles, and not one of them. */
  readonly isProcess: boolean;
  /** The process as `--target` takes it, without credentials. */
  readonly process: string;
  /** Whether `seconds=1` was put in, so that a timed profile does not take Go's 30 s. */
  readonly addedSeconds: boolean;
  /** The URL of another path of the same process. */
  at(path: string): string;
}

/** Reads what was written behind `agent test`: a URL, or host:port with or without a path. Throws UsageError. */
export function parseTestUrl(text: string): TestUrl {
  const wrong = (why: string): UsageError => new UsageError(`URL "${withoutCredentials(text)}" ${why}`);
  const meant = meantTarget(text);
  if (meant) throw wrong(`is no address: did you mean "${meant}"?`);
  const unix = isUnixUrl(text) ? parseUnixUrl(text) : undefined;
  if (isUnixUrl(text) && !unix) throw wrong(`is no address: ${unixUrlProblem(text)}`);
  const url = unix?.url ?? URL.parse(text.includes("://") ? text : `http://${text}`);
  if (!url || url.hostname === "") throw wrong("is no address: write host:port or http://host:port/path");
  if (!/^https?:$/.test(url.protocol)) throw wrong(`has the scheme "${url.protocol.slice(0, -1)}": use http or https`);
  const [, prefix = "", index] = /^(.*?)(\/debug\/pprof)?\/*$/.exec(url.pathname) ?? [];
  const addedSeconds = /\/(profile|fgprof|trace)$/.test(url.pathname) && !url.searchParams.has("seconds");
  if (addedSeconds) url.searchParams.set("seconds", "1");
  const [processPrefix = ""] = url.pathname.includes("/debug/pprof") ? url.pathname.split("/debug/pprof") : [];
  return {
    url: unix ? formatUnixUrl(unix.socketPath, url.pathname + url.search) : url.href,
    isProcess: prefix === "" || index !== undefined,
    process: unix ? formatUnixUrl(unix.socketPath, processPrefix) : url.origin + processPrefix,
    addedSeconds,
    at: (path) => (unix ? formatUnixUrl(unix.socketPath, prefix + path) : new URL(prefix + path, url).href),
  };
}

const harmlessParams: ReadonlySet<string> = new Set(["seconds", "debug", "gc", "rate"]);

/** A URL as it is shown: without userinfo, and with `…` for the values of parameters that may be secret. */
export function maskedUrl(text: string): string {
  const [base, query] = splitAt(isUnixUrl(text) ? text : withoutUser(new URL(text)).href, "?");
  if (query === undefined) return base;
  const shown = [...new URLSearchParams(query.replace(/#.*$/s, ""))].map(
    ([name, value]) => `${name}=${harmlessParams.has(name) && /^\d*$/.test(value) ? value : "…"}`,
  );
  return `${base}?${shown.join("&")}`;
}

function withoutUser(url: URL): URL {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  return shown;
}

function splitAt(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
