import type { Accepted } from "./agent-log.ts";
import type { Ledger } from "./ledger.ts";
import type { Findings } from "./scenario.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

export const second = 1000;
const quickBackoff = `min_backoff_period = "200ms"\nmax_backoff_period = "2s"\nremote_timeout = "2s"`;
/** The lines of an endpoint that keeps its queue in this way. */
export const durable = (durability: string, more = ""): string =>
  `${quickBackoff}\nqueue = { durability = "${durability}"${more} }`;

interface StageOptions {
  /** Whether the server is healed at the end. */
  readonly heals?: boolean;
  readonly waitsMs?: number;
  /** Reasons for which profiles may be dropped. */
  readonly lossReasons?: readonly string[];
  /** Whether a profile had to come to the server of that number. */
  readonly owed?: (server: number, accepted: Accepted) => boolean;
  /** Figures worth a line, asked for at the end. */
  readonly notes?: () => Readonly<Record<string, unknown>>;
}

/** Runs the agent through `act`, then heals the server, waits until nothing is left, stops the agent and draws up the ledger. */
export async function staged(
  options: WorldOptions,
  act: (world: World, broken: string[]) => Promise<void>,
  { heals = true, waitsMs = 60 * second, lossReasons = [], owed = () => true, notes }: StageOptions = {},
): Promise<Findings> {
  await using world = await createWorld(options);
  const { agent, servers } = world;
  const broken: string[] = [];
  await agent.start();
  await wait(1.5 * second);
  const schedule = await world.watchSchedule();
  const restartsBefore = agent.starts;
  await act(world, broken);
  const done = await schedule();
  if (heals) for (const server of servers) await server.fail(undefined);
  await agent.untilDelivered(waitsMs).catch((error: unknown) => broken.push(String(error)));
  const failed = await agent.metric("pyroscope_scrape_failures_total");
  if (failed > 0) broken.push(`${failed} scrapes failed, though no target was at fault`);
  const { exit, tookMs } = await agent.stop();
  if (exit !== 0 || tookMs > 5000) broken.push(`SIGTERM ended with ${exit} after ${Math.round(tookMs)} ms`);
  if (agent.left > 0) broken.push(`${agent.left} profiles were left on disk at the end`);
  const ledgers = servers.map((server, at) => world.ledger(server, { owed: (accepted) => owed(at, accepted) }));
  for (const ledger of ledgers) broken.push(...lossesOf(ledger, lossReasons));
  const undisturbed = agent.starts === restartsBefore;
  if (undisturbed && done < 0.995)
    broken.push(`only ${(done * 100).toFixed(2)} % of the scrapes that were due were done`);
  return {
    ledgers,
    ...(undisturbed && { schedule: done }),
    broken,
    notes: { replies: servers.map(({ replies }) => Object.fromEntries(replies)), ...notes?.() },
  };
}

/** What the ledger shows that no scenario may show, but for drops with these reasons. */
export function lossesOf(ledger: Ledger, reasons: readonly string[] = []): readonly string[] {
  const { silent, deliveredAndDropped, doubtful, mistaken, twiceForNoReason } = ledger;
  const others = Object.keys(ledger.dropped).filter((reason) => !reasons.includes(reason));
  return [
    ...(ledger.accepted === 0 ? ["the agent accepted nothing: the scenario shows nothing"] : []),
    ...(others.length > 0 ? [`profiles were dropped as ${others.join(", ")}`] : []),
    ...some(silent, "profiles were lost without a word"),
    ...some(deliveredAndDropped, "profiles were delivered, and the agent says it dropped them"),
    ...some(doubtful, "kinds of drops fit no profile"),
    ...some(mistaken, "profiles came with another identity"),
    ...some(twiceForNoReason, "profiles were sent again although the server had answered"),
  ];
}

/** A sentence with the first of them, where there are any. */
function some(list: readonly string[], what: string): string[] {
  return list.length === 0 ? [] : [`${list.length} ${what}: ${list.slice(0, 3).join("; ")}`];
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
