import { expect } from "bun:test";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Agent, agentCommand } from "../../e2e/agent.ts";
import { runChild } from "../../support/child.ts";

/** To stand at the top of a configuration: whatever the agent has to say is in its log. */
export const talkative = `logging.level = "debug"\n`;

/**
 * Searches everything that the agent wrote or shows for the secrets of a test: its log, metrics, page, API and own profiles, and
 * what `agent check` prints for its configuration. Secrets are found as they stand, URL-encoded, as JSON, and in base64 wherever in
 * a longer text they were encoded; those of several lines (keys) by each of their lines. Call it while the agent runs.
 */
export async function expectNoSecrets(agent: Agent, secrets: readonly string[]): Promise<void> {
  const forms = secrets.flatMap(formsOf);
  const found = (await everythingShown(agent)).flatMap(({ place, text }) =>
    forms.filter((form) => text.includes(form)).map((form) => `${place}: ${form}`),
  );
  expect(found, "secrets that the agent gave away").toEqual([]);
}

/** Every form in which a secret would be found, the short ones that could stand there by chance left out. */
export function formsOf(secret: string): readonly string[] {
  const lines = secret.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  if (lines.length > 1) return lines.flatMap(formsOf);
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...base64Cores(secret)];
  return [...new Set(forms)].filter((form) => form.length >= minLength);
}

const minLength = 6;

/** What stands in the base64 of a longer text that holds the secret, for each of the three ways it can lie there. */
function base64Cores(secret: string): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    // Only whole groups of three bytes: what is left mixes with what stands beside it.
    const core = bytes.subarray(before === 0 ? 0 : 3, bytes.length - (bytes.length % 3));
    return [core.toString("base64"), core.toString("base64url")];
  });
}

interface Shown {
  readonly place: string;
  readonly text: string;
}

const paths = [
  "/",
  "/-/healthy",
  "/-/ready",
  "/metrics",
  "/api/v0/targets",
  "/api/v0/components",
  "/api/v0/profiles",
  "/debug/pprof",
  "/debug/pprof/heap",
  "/no-such-path",
];

async function everythingShown(agent: Agent): Promise<readonly Shown[]> {
  const { components } = (await (await agent.get("/api/v0/components")).json()) as { components: { id: string }[] };
  const pages = [...paths, ...components.map(({ id }) => `/api/v0/components/${id}`)].map(async (path) => {
    const response = await agent.get(path);
    return { place: path, text: textOf(Buffer.from(await response.arrayBuffer())) };
  });
  const file = join(agent.directory, "agent.toml");
  const check = await runChild([...agentCommand, "check", "--json", "--config", file], { cwd: agent.directory });
  return [
    { place: "the log", text: agent.child.output() },
    { place: "agent check", text: check.stdout + check.stderr },
    ...(await Promise.all(pages)),
  ];
}

function textOf(body: Buffer): string {
  return (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body).toString("latin1");
}
