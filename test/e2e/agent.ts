import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Child, eventually, startChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { parseMetrics, sumOf } from "../support/parse-metrics.ts";

const root = join(import.meta.dirname, "..", "..");
const forms: Readonly<Record<string, readonly string[]>> = {
  bun: [process.execPath, join(root, "src", "main.ts")],
  binary: [join(root, "dist", "agent")],
  deno: [join(root, "node_modules", ".bin", "deno"), "run", "-A", join(root, "src", "main.ts")],
};

/** The agent as the tests run it: $AGENT_UNDER_TEST is "bun" (default), "binary" (dist/agent) or "deno". */
export const agentCommand = formOf(process.env.AGENT_UNDER_TEST ?? "bun");

function formOf(name: string): readonly string[] {
  const command = forms[name];
  if (!command)
    throw new Error(`Cannot test the agent as "${name}": $AGENT_UNDER_TEST is one of ${Object.keys(forms).join(", ")}`);
  const program = command[0] as string;
  if (!existsSync(program)) throw new Error(`Cannot test the agent as "${name}": no "${program}"; run "npm run build"`);
  return command;
}

/** One entry of /api/v0/targets, as far as the tests look at it. */
export interface TargetView {
  readonly component: string;
  readonly job: string;
  readonly type: string;
  readonly url: string;
  readonly health: "unknown" | "up" | "down";
  readonly next_scrape?: string;
  readonly delta: "agent" | "target" | "none";
  readonly labels: Readonly<Record<string, string>>;
  readonly last_error?: string;
  readonly last_error_reason?: string;
}

/** One endpoint of /api/v0/components/ID, as far as the tests look at it. */
export interface EndpointView {
  readonly name: string;
  readonly state: "unknown" | "up" | "down";
  readonly queued_profiles: number;
  readonly spooled_profiles: number;
  readonly sent_profiles: number;
  readonly dropped_profiles: number;
  readonly last_error?: string;
}

/** A running agent. */
export interface Agent {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly child: Child;
  readonly directory: string;
  /** What it was started with, without its address. */
  readonly args: readonly string[];
  get(path: string): Promise<Response>;
  targets(): Promise<TargetView[]>;
  /** The state of each endpoint of a write component, by its name. */
  endpoints(componentId: string): Promise<ReadonlyMap<string, EndpointView>>;
  /** The value of a metric; 0 where there is none with these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** SIGTERM; resolves with how it ended. Its directory goes at disposal. */
  stop(): Promise<{ exit: number | NodeJS.Signals; tookMs: number }>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Beside the file: `--watch`. */
  readonly flags?: readonly string[];
}

/** Starts the agent with this configuration, its listener and storage in a place of their own, and waits until it is ready. */
export async function startAgent(config: string, options: StartOptions = {}): Promise<Agent> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-e2e-"));
  writeConfig({ directory }, config);
  return startIn(directory, ["run", "--config", configPath({ directory }), ...(options.flags ?? [])], options);
}

/** Puts another configuration in the place of the agent's file. */
export function writeConfig(agent: Pick<Agent, "directory">, config: string): void {
  const file = configPath(agent);
  writeFileSync(`${file}.new`, `storage.path = "data"\n${config}`);
  renameSync(`${file}.new`, file);
}

function configPath({ directory }: Pick<Agent, "directory">): string {
  return join(directory, "agent.toml");
}

/** Starts the agent without a file: `--target`, `--server` and the like. */
export function startAgentWith(flags: readonly string[], options: StartOptions = {}): Promise<Agent> {
  return startIn(mkdtempSync(join(tmpdir(), "pprof-agent-e2e-")), flags, options);
}

/** Starts an agent that was stopped once more: the same file, the same directory. */
export function startAgain({ directory, args }: Agent, options: StartOptions = {}): Promise<Agent> {
  return startIn(directory, args, options);
}

async function startIn(directory: string, args: readonly string[], { env = {} }: StartOptions): Promise<Agent> {
  const listenAddress = `127.0.0.1:${await freePort()}`;
  const child = startChild([...agentCommand, ...args, "--listen", listenAddress], { cwd: directory, env });
  const agent = handleOf({ child, directory, args, url: `http://${listenAddress}` });
  try {
    await untilReady(agent);
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
  return agent;
}

function handleOf({ child, directory, args, url }: Pick<Agent, "child" | "directory" | "args" | "url">): Agent {
  const get = (path: string): Promise<Response> => fetch(`${url}${path}`);
  return {
    url,
    child,
    directory,
    args,
    get,
    targets: async () => ((await (await get("/api/v0/targets")).json()) as { targets: TargetView[] }).targets,
    endpoints: async (componentId) => {
      const component = (await (await get(`/api/v0/components/${componentId}`)).json()) as {
        debug_info: { endpoints: EndpointView[] };
      };
      return new Map(component.debug_info.endpoints.map((endpoint) => [endpoint.name, endpoint]));
    },
    metric: async (name, labels = {}) => sumOf(parseMetrics(await (await get("/metrics")).text()), { name, labels }),
    stop: () => child.stop("SIGTERM"),
    [Symbol.asyncDispose]: async () => {
      await child.stop("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady({ child, url }: Agent): Promise<void> {
  let ended = false;
  const end = (): void => void (ended = true);
  child.ended.then(end, end);
  await eventually("the agent is ready", async () => {
    if (ended) throw new Error(`The agent ended before it was ready:\n${child.output()}`);
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    return response?.ok || undefined;
  });
}
