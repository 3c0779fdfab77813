import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** The program that is measured: how to start it with the configuration that this wrote. */
export interface Subject {
  readonly name: string;
  readonly command: readonly string[];
}

export interface SubjectOptions {
  /** Where its configuration and data go. */
  readonly directory: string;
  /** `host:port` of its own listener. */
  readonly listenAddress: string;
  readonly targets: readonly string[];
  readonly pushUrl: string;
  readonly intervalMs: number;
}

const root = join(import.meta.dirname, "..");

/** The agent: the given binary, else the built one, else the sources under Bun. */
export function agentSubject(binary: string | undefined, options: SubjectOptions): Subject {
  const built = join(root, "dist", "agent");
  const program = binary ?? (existsSync(built) ? built : undefined);
  const config = join(options.directory, "agent.toml");
  writeFileSync(config, agentConfig(options));
  const command = program === undefined ? [process.execPath, join(root, "src", "main.ts")] : [program];
  return { name: program ?? "bun src/main.ts", command: [...command, "run", "--config", config] };
}

function agentConfig({ listenAddress, targets, pushUrl, intervalMs }: SubjectOptions): string {
  const list = targets.map((address) => `  { __address__ = "${address}", service_name = "bench" },`).join("\n");
  return `[server]
listen_address = "${listenAddress}"

[storage]
path = "data"

[pyroscope.scrape.bench]
scrape_interval = "${intervalMs / 1000}s"
forward_to = ["pyroscope.write.bench"]
targets = [
${list}
]

[[pyroscope.write.bench.endpoint]]
url = "${pushUrl}"
`;
}

/** Grafana Alloy with the same work to do. */
export function alloySubject(binary: string, options: SubjectOptions): Subject {
  const config = join(options.directory, "config.alloy");
  writeFileSync(config, alloyConfig(options));
  const flags = [
    `--server.http.listen-addr=${options.listenAddress}`,
    `--storage.path=${join(options.directory, "data")}`,
    "--disable-reporting",
  ];
  return { name: binary, command: [binary, "run", ...flags, config] };
}

function alloyConfig({ targets, pushUrl, intervalMs }: SubjectOptions): string {
  const list = targets.map((address) => `    {"__address__" = "${address}", "service_name" = "bench"},`).join("\n");
  const seconds = intervalMs / 1000;
  return `logging {
  level = "error"
}

pyroscope.scrape "bench" {
  scrape_interval            = "${seconds}s"
  scrape_timeout             = "${seconds + 3}s"
  delta_profiling_duration   = "${seconds - 1}s"
  forward_to                 = [pyroscope.write.bench.receiver]
  targets = [
${list}
  ]
}

pyroscope.write "bench" {
  endpoint {
    url = "${pushUrl}"
  }
}
`;
}
