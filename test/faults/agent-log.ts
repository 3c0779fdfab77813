/** A profile that the agent said it has taken responsibility for. */
export interface Accepted {
  readonly id: string;
  readonly url: string;
  readonly type: string;
  /** The profile's own. */
  readonly timeMs: number;
  /** When it said so, by the agent's clock, which is this machine's. */
  readonly atMs: number;
}

/** A profile that the agent said it has given up. */
export interface Drop {
  readonly endpoint: string;
  readonly reason: string;
  /** Absent of a record that lay on disk: the agent drops it without reading it. */
  readonly id: string | undefined;
  /** Of the profile; of a record that was never in memory, what it occupied on disk. */
  readonly bytes: number;
  readonly atMs: number;
}

/** Several that it said in one line, and named none of. */
export interface DroppedTogether {
  readonly endpoint: string;
  readonly reason: string;
  readonly profiles: number;
}

/** What one agent said over all its starts, as far as it concerns the fate of profiles. */
export class AgentLog {
  /** By id. */
  readonly accepted = new Map<string, Accepted>();
  readonly drops: Drop[] = [];
  readonly droppedTogether: DroppedTogether[] = [];
  /** Ids of the dropped profiles that it named at warn, which people see. */
  readonly named = new Set<string>();
  readonly reloads: { readonly outcome: "applied" | "refused"; readonly atMs: number }[] = [];
  /** Every line at warn and above, for whoever looks at a failure. */
  readonly said: string[] = [];

  /** Takes in one line of JSON. */
  take(line: string): void {
    const fields = JSON.parse(line) as Readonly<Record<string, string | undefined>>;
    const { ts = "", level, msg = "", id, url = "", type = "", time = "" } = fields;
    const atMs = Date.parse(ts);
    if (msg === "Profile handed on" && id !== undefined)
      this.accepted.set(id, { id, url, type, timeMs: Date.parse(time), atMs });
    if (msg === "Profile dropped" || msg === "Profile dropped likewise") this.drops.push(dropOf(fields, atMs));
    if (msg === "Profile dropped" && id !== undefined) this.named.add(id);
    if (msg.startsWith("Profiles dropped")) this.droppedTogether.push(togetherOf(fields));
    if (msg === "Configuration reloaded") this.reloads.push({ outcome: "applied", atMs });
    if (msg.startsWith("Could not reload the configuration")) this.reloads.push({ outcome: "refused", atMs });
    if (level === "warn" || level === "error") this.said.push(line);
  }
}

function dropOf({ endpoint = "", reason = "", id, bytes }: Partial<Record<string, string>>, atMs: number): Drop {
  return { endpoint, reason, id, bytes: Number(bytes), atMs };
}

function togetherOf({ endpoint = "", reason = "", profiles }: Partial<Record<string, string>>): DroppedTogether {
  return { endpoint, reason, profiles: Number(profiles) };
}
