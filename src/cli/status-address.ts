import { hostPort, withoutCredentials } from "../base/index.ts";
import { defaultListenAddress, loadListenAddress } from "../config/index.ts";
import { type CommandLine, flagValue } from "./command.ts";
import type { CliIo } from "./io.ts";
import { loadFromTree } from "./load.ts";
import { meantTarget } from "./target-tree.ts";
import { UsageError } from "./usage-error.ts";

/** Where a running agent is looked for. */
export interface StatusAddress {
  /** The address of the debug page, without a slash at its end; may hold credentials. */
  readonly url: string;
  /** Where it was taken from, in words. */
  readonly source: string;
  /** The configuration file, where one was named. */
  readonly file: string | undefined;
}

/** That of `--url`, else that of the file, else the usual one. Throws UsageError, ConfigError. */
export async function statusAddress(line: CommandLine, io: CliIo): Promise<StatusAddress> {
  const given = flagValue(line, "url");
  const file = flagValue(line, "config");
  if (given !== undefined && file !== undefined)
    throw new UsageError('Two addresses: give "--url" or "--config", not both');
  if (given !== undefined) return { url: parseUrl(given), source: "--url", file };
  if (file === undefined) return { url: urlOf((await loadFromTree({}, io)).server), source: "the usual address", file };
  const server = await loadListenAddress({ path: file, env: io.env });
  const url = urlOf(server);
  const isUsual = url === `http://${defaultListenAddress}`;
  const source = isUsual ? `the usual address, and that of "${file}"` : `server.listen_address of "${file}"`;
  return { url, source, file };
}

function parseUrl(text: string): string {
  const wrong = (why: string): UsageError => new UsageError(`URL "${withoutCredentials(text)}" ${why}`);
  const meant = meantTarget(text);
  if (meant !== undefined) throw wrong(`is no address: did you mean "${meant.replace(/:6060$/, ":12345")}"?`);
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (!url || url.hostname === "") throw wrong("is no address: write http://host:port");
  if (!/^https?:$/.test(url.protocol)) throw wrong(`has the scheme "${url.protocol.slice(0, -1)}": use http or https`);
  url.search = "";
  url.hash = "";
  return url.href.replace(/\/+$/, "");
}

/** How to connect to a listener; an address that stands for every one of the machine is none to connect to. */
function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const everyAddress: Readonly<Record<string, string>> = { "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1" };
  return `http://${hostPort(everyAddress[host] ?? host, port)}`;
}
