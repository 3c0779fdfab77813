import * as v from "valibot";
import { choice, filePath, found, mapOf, notYet, optional, table, text, typeName } from "../schema/index.ts";
import { checkSchema, type CheckOptions } from "./check-schema.ts";

const logLevels = ["debug", "info", "warn", "error"] as const;
const logFormats = ["logfmt", "json", "text"] as const;

export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

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

/** The tables that are no component: those of the agent as a whole. */
export const settings = {
  server: v.pipe(
    table({
      listen_address: optional(listenAddress, {
        default: "127.0.0.1:12345",
        description: "Where the debug page, the API and the metrics are served; without a host, on every address",
        example: "0.0.0.0:12345",
      }),
    }),
    v.transform(({ listen_address }) => ({
      listen_address,
      ...(parseAddress(listen_address) as { host: string; port: number }),
    })),
  ),
  storage: table({
    path: optional(filePath(), {
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
  cluster: v.pipe(mapOf(v.unknown()), notYet("clustering is")),
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
  };
  /** `path` is absolute. */
  readonly storage: { readonly path: string };
  readonly logging: { readonly level: LogLevel; readonly format?: LogFormat | undefined };
}

/** Reads those tables; what the file leaves out is its default. Only whole where there is no finding. */
export function readSettings(tree: Readonly<Record<string, unknown>>, options: Omit<CheckOptions, "path">): Settings {
  const read = (name: SettingName): unknown =>
    checkSchema(settings[name], Object.hasOwn(tree, name) ? tree[name] : {}, { ...options, path: [name] });
  if (Object.hasOwn(tree, "cluster")) read("cluster");
  return { server: read("server"), storage: read("storage"), logging: read("logging") } as Settings;
}
