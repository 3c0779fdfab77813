import type { Accepted } from "./agent-log.ts";
import type { AgentUnderFaults } from "./agent-process.ts";
import { droppedFrom } from "./fates.ts";
import type { Delivery, FaultServer } from "./fault-server.ts";

/** What became of the profiles that the agent accepted for one server. Profiles are told apart by their ids. */
export interface Ledger {
  readonly accepted: number;
  readonly once: number;
  readonly twice: number;
  /** Of `twice`, those of which the server had cut every earlier answer, so that sending again was right. */
  readonly twiceForGoodReason: number;
  /** The others of `twice`: which, and when it came in seconds after it was accepted. */
  readonly twiceForNoReason: readonly string[];
  readonly lost: number;
  /** Of `lost`, by the reason that the agent gave for this very profile. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Of `lost`, those without a reason that were accepted less than 2 s before the agent was killed, which `outage` does not promise to keep. */
  readonly lostInLastSeconds: number;
  /** Of `lost`, the others: lost without a word. */
  readonly silent: readonly string[];
  /** Delivered, and the agent says it dropped them: but for cut answers, one of the two is wrong. */
  readonly deliveredAndDropped: readonly string[];
  /** What the agent says about drops that fits no profile, in words. */
  readonly doubtful: readonly string[];
  /** Delivered with another time than the agent said it had, or one and the same under two ids. */
  readonly mistaken: readonly string[];
  /** Delivered, but never accepted by the agent's own account: a line of the log that a kill swallowed, or a profile made up. */
  readonly unheard: number;
  /** Of the first delivery after acceptance, in seconds. */
  readonly delaySeconds: { readonly median: number; readonly max: number };
}

export interface LedgerOptions {
  /** Whether an endpoint of that name pushes to this server; all do, where it is not said. */
  readonly pushesHere?: (endpoint: string) => boolean;
  /** Whether it had to come here; everything, where it is not said. */
  readonly owed?: ((accepted: Accepted) => boolean) | undefined;
}

/** What is known of an agent's side. */
export type Witness = Pick<AgentUnderFaults, "log" | "stored" | "counted" | "killedAtMs">;

/** What a kill may cost with `durability = "outage"`. */
const mayLoseMs = 2000;
/** Of a profile's time, which has nanoseconds. */
const roundingMs = 1;

export function drawUp(
  agent: Witness,
  { deliveries }: Pick<FaultServer, "deliveries">,
  { pushesHere = () => true, owed = () => true }: LedgerOptions = {},
): Ledger {
  const { log, killedAtMs, stored } = agent;
  const drops = log.drops.filter(({ endpoint }) => pushesHere(endpoint));
  const { reasons, ofNobody } = droppedFrom(drops, { stored, deliveries });
  const counts = { accepted: 0, once: 0, twice: 0, twiceForGoodReason: 0, lost: 0, lostInLastSeconds: 0 };
  const dropped: Record<string, number> = {};
  const [twiceForNoReason, silent, deliveredAndDropped]: [string[], string[], string[]] = [[], [], []];
  const mistaken = samePushedTwice(deliveries);
  const delays: number[] = [];
  for (const accepted of log.accepted.values()) {
    const { id, atMs, timeMs } = accepted;
    const delivery = deliveries.get(id);
    if (!delivery && !owed(accepted)) continue;
    counts.accepted += 1;
    const why = reasons.get(id);
    if (!delivery) {
      counts.lost += 1;
      if (why) dropped[why.join(" and ")] = (dropped[why.join(" and ")] ?? 0) + 1;
      else if (killedAtMs.some((killedMs) => atMs > killedMs - mayLoseMs && atMs <= killedMs))
        counts.lostInLastSeconds += 1;
      else silent.push(named(accepted));
      continue;
    }
    delays.push(((delivery.atMs[0] as number) - atMs) / 1000);
    if (why && delivery.unanswered < delivery.atMs.length) deliveredAndDropped.push(`${named(accepted)} ${why.join()}`);
    if (Math.abs(delivery.pushed.timeMs - timeMs) > roundingMs)
      mistaken.push(`${named(accepted)} came with another time`);
    if (delivery.atMs.length === 1) counts.once += 1;
    else counts.twice += 1;
    if (delivery.atMs.length === 1) continue;
    if (delivery.unanswered >= delivery.atMs.length - 1) counts.twiceForGoodReason += 1;
    else twiceForNoReason.push(`${named(accepted)} ${delivery.atMs.map((at) => (at - atMs) / 1000).join(" ")}`);
  }
  delays.sort((a, b) => a - b);
  return {
    ...counts,
    twiceForNoReason,
    dropped,
    silent,
    deliveredAndDropped,
    doubtful: [
      ...ofNobody.map(({ reason, bytes }) => `${reason} of ${bytes} bytes, of which size nothing is missing`),
      ...miscounted(agent, pushesHere),
    ],
    mistaken,
    unheard: [...deliveries.keys()].filter((id) => !log.accepted.has(id)).length,
    delaySeconds: { median: delays[delays.length >> 1] ?? 0, max: delays.at(-1) ?? 0 },
  };
}

/** Target, type and time for people, and the id to search for in the log. */
function named({ id, url, timeMs }: Accepted): string {
  return `${url} of ${new Date(timeMs).toISOString()} (${id})`;
}

/** The targets give no two profiles the same time. */
function samePushedTwice(deliveries: ReadonlyMap<string, Delivery>): string[] {
  const ids = new Map<string, string>();
  const found: string[] = [];
  for (const { pushed } of deliveries.values()) {
    const key = `${pushed.service} ${pushed.type} ${pushed.timeMs}`;
    const other = ids.get(key);
    if (other !== undefined) found.push(`${key} came as ${other} and as ${pushed.id}`);
    ids.set(key, pushed.id);
  }
  return found;
}

/** Where the metrics count another number of drops than the log has; a kill takes the metrics with it. */
function miscounted({ log, counted, killedAtMs }: Witness, pushesHere: (endpoint: string) => boolean) {
  if (killedAtMs.length > 0) return [];
  const said = tally([...log.drops.map((drop) => ({ ...drop, profiles: 1 })), ...log.droppedTogether], pushesHere);
  const inMetrics = tally(counted, pushesHere);
  return [...new Set([...said.keys(), ...inMetrics.keys()])]
    .filter((reason) => said.get(reason) !== inMetrics.get(reason))
    .map((reason) => `${reason}: ${inMetrics.get(reason) ?? 0} counted, ${said.get(reason) ?? 0} in the log`);
}

interface Count {
  readonly endpoint: string;
  readonly reason: string;
  readonly profiles: number;
}

function tally(counts: readonly Count[], pushesHere: (endpoint: string) => boolean): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { endpoint, reason, profiles } of counts)
    if (pushesHere(endpoint)) sums.set(reason, (sums.get(reason) ?? 0) + profiles);
  return sums;
}
