import * as v from "valibot";
import type { Secret } from "../base/index.ts";
import { clusterArguments, type ClusterSettings } from "../cluster/index.ts";
import { choice, crossCheck, filePath, found, optional, secret, table, text, typeName } from "../schema/index.ts";
import { checkSchema, type CheckOptions } from "./check-schema.ts";

const logLevels = ["debug", "info", "warn", "error"] as const;
const logFormats = ["logfmt", "json", "text"] as const;

export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

/** Where the agent listens unless it is told otherwise. */
export const defaultListenAddress = "127.0.0.1:12345";

const listenAddress = v.pipe(
  text(),
  v.check(
    (address) => parseAddress(address) !== undefined,
    ({ input }) => `expected host:port such as "127.0.0.1:12345", ":12345" or "[::1]:12345", found ${found(input)}`,
  ),
  typeName("host:port"),
);

function parseAddress(address: string): { host: string; port: number } | undefined {
  const [, bracketed, plain = "", digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]*)):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  return digits !== undefined && port <= 65_535 ? { host: bracketed ?? plain, port } : undefined;
}

// What an Authorization header carries in one piece. Empty, as an unset variable may leave it, would let everybody in.
const serverToken = v.pipe(
  secret(),
  v.check(
    (token) => /^[\x21-\x7e]+$/.test(token.reveal()),
    "expected one or more visible ASCII characters without spaces; what stands there is not shown, it may be a secret",
  ),
);

/** The tables that are no component: those of the agent as a whole. */
export const settings = {
  server: v.pipe(
    table({
      listen_address: optional(listenAddress, {
        default: defaultListenAddress,
        description: "Where the debug page, the API and the metrics are served; without a host, on every address",
        example: "0.0.0.0:12345",
      }),
      token: optional(serverToken, {
        description:
          "Whoever sends `Authorization: Bearer TOKEN` may change something (`POST /-/reload`); without a token only this machine may",
        example: "${AGENT_TOKEN}",
      }),
      token_file: optional(filePath(), {
        description: "File that holds the token; read again when it changes",
        example: "token",
      }),
    }),
    crossCheck(["token", "token_file"], ({ token, token_file }, report) => {
      if (token !== undefined && token_file !== undefined)
        report(["token_file"], "token and token_file cannot both be set; keep one of them");
    }),
    v.transform(({ listen_address, token, token_file }) => ({
      listen_address,
      ...(parseAddress(listen_address) as { host: string; port: number }),
      ...(token !== undefined && { token }),
      ...(token_file !== undefined && { token_file }),
    })),
  ),
  storage: table({
    path: optional(filePath('must not be empty; leave it out for "data-agent"'), {
      default: "data-agent",
      description: "Directory for what the agent keeps",
      example: "/var/lib/pprof-agent",
    }),
  }),
  logging: table({
    level: optional(choice(logLevels), {
      default: "info",
      description: "The least important messages that are written",
      example: "debug",
    }),
    format: optional(choice(logFormats), {
      description: "Form of a line of the log",
      defaultText: "`text` on a terminal, `logfmt` elsewhere",
      example: "json",
    }),
  }),
  cluster: clusterArguments,
} as const;

/** The names of the tables above. */
export type SettingName = keyof typeof settings;

export interface Settings {
  readonly server: {
    /** As written. */
    readonly listen_address: string;
    /** Without brackets; empty where every address is meant. */
    readonly host: string;
    readonly port: number;
    /** Of both, one is set at most. */
    readonly token?: Secret | undefined;
    /** Absolute. */
    readonly token_file?: string | undefined;
  };
  /** `path` is absolute. */
  readonly storage: { readonly path: string };
  readonly logging: { readonly level: LogLevel; readonly format?: LogFormat | undefined };
  /** Absent where the agent is in no cluster. */
  readonly cluster?: ClusterSettings;
}

/** Reads those tables; what the file leaves out is its default. Only whole where there is no finding. */
export function readSettings(tree: Readonly<Record<string, unknown>>, options: Omit<CheckOptions, "path">): Settings {
  const read = (name: SettingName): unknown =>
    checkSchema(settings[name], Object.hasOwn(tree, name) ? tree[name] : {}, { ...options, path: [name] });
  const general = { server: read("server"), storage: read("storage"), logging: read("logging") };
  return (Object.hasOwn(tree, "cluster") ? { ...general, cluster: read("cluster") } : general) as Settings;
}
