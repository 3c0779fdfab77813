import type { AgentUnderFaults } from "./agent-process.ts";
import type { FaultServer } from "./fault-server.ts";

/** What became of the profiles that the agent accepted. */
export interface Ledger {
  readonly accepted: number;
  readonly once: number;
  readonly twice: number;
  /** Of `twice`, those of which the server had cut every earlier answer, so that sending again was right. */
  readonly twiceForGoodReason: number;
  /** The others of `twice`: the id, and when it came in seconds after it was accepted. */
  readonly twiceForNoReason: readonly string[];
  readonly lost: number;
  /** Of `lost`, those accepted less than 2 s before the agent was killed, which `outage` does not promise to keep. */
  readonly lostInLastSeconds: number;
  /** Of `lost`, those that the agent counted as dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Lost without a word: neither delivered, nor counted, nor within what a kill may cost. */
  readonly unaccounted: number;
  /** Delivered, but never accepted by the agent's own account: a line of the log that a kill swallowed, or a profile made up. */
  readonly unheard: number;
  /** Of the first delivery after acceptance, in seconds. */
  readonly delaySeconds: { readonly median: number; readonly max: number };
}

/** What a kill may cost with `durability = "outage"`. */
const mayLoseMs = 2000;

export function drawUp({ accepted, dropped, killedAtMs }: AgentUnderFaults, { deliveries }: FaultServer): Ledger {
  const counts = { once: 0, twice: 0, twiceForGoodReason: 0, lost: 0, lostInLastSeconds: 0 };
  const twiceForNoReason: string[] = [];
  const delays: number[] = [];
  for (const { id, atMs } of accepted.values()) {
    const delivery = deliveries.get(id);
    if (!delivery) {
      counts.lost += 1;
      if (killedAtMs.some((killedMs) => atMs > killedMs - mayLoseMs && atMs <= killedMs)) counts.lostInLastSeconds += 1;
      continue;
    }
    delays.push(((delivery.atMs[0] as number) - atMs) / 1000);
    if (delivery.atMs.length === 1) counts.once += 1;
    else counts.twice += 1;
    if (delivery.atMs.length === 1) continue;
    if (delivery.unanswered >= delivery.atMs.length - 1) counts.twiceForGoodReason += 1;
    else twiceForNoReason.push(`${id} ${delivery.atMs.map((at) => (at - atMs) / 1000).join(" ")}`);
  }
  delays.sort((a, b) => a - b);
  const droppedCount = [...dropped.values()].reduce((sum, count) => sum + count, 0);
  return {
    accepted: accepted.size,
    ...counts,
    twiceForNoReason,
    dropped: Object.fromEntries(dropped),
    unaccounted: Math.max(0, counts.lost - counts.lostInLastSeconds - droppedCount),
    unheard: [...deliveries.keys()].filter((id) => !accepted.has(id)).length,
    delaySeconds: { median: delays[delays.length >> 1] ?? 0, max: delays.at(-1) ?? 0 },
  };
}
