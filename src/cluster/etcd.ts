import { listAt, textAt, valueAt } from "../base/index.ts";
import type { ClusterMember } from "../model/index.ts";
import type { Engine, EngineOptions, Standing } from "./engine.ts";
import { type EtcdClient, fromBase64, toBase64 } from "./etcd-client.ts";
import { decodeMember, encodeMember } from "./member-record.ts";

export interface EtcdEngineOptions extends EngineOptions {
  readonly client: EtcdClient;
  /** Keys are `<prefix>/members/<name>`. */
  readonly prefix: string;
}

/**
 * Members in etcd (https://etcd.io/docs/v3.4/learning/api/): each has a key that is bound to a lease and goes when the lease is not kept
 * alive for its ttl. A watch says when to look, and a look asks for what has changed: while nothing does, its answer holds no member.
 */
export class EtcdEngine implements Engine {
  readonly name = "etcd";
  readonly lookEveryMs: number;
  readonly #client: EtcdClient;
  readonly #self: ClusterMember;
  readonly #ttlSeconds: string;
  readonly #prefix: string;
  #lease = "";
  /** Whether the key holds this agent's record, bound to its lease. */
  #claimed = false;
  #known: ReadonlyMap<string, ClusterMember> = new Map();
  /** The state of etcd that `#known` is of. */
  #asOf = { cluster: "", revision: 0n };

  constructor({ client, self, ttlMs, prefix }: EtcdEngineOptions) {
    this.#client = client;
    this.#self = self;
    this.lookEveryMs = ttlMs / 6;
    this.#ttlSeconds = String(Math.ceil(ttlMs / 1000));
    this.#prefix = `${prefix.replace(/\/+$/, "")}/members/`;
  }

  async renew(signal: AbortSignal): Promise<Standing> {
    if (this.#lease === "" || !(await this.#keptAlive(signal))) {
      this.#claimed = false;
      const granted = await this.#client.call("/v3/lease/grant", { TTL: this.#ttlSeconds }, signal);
      this.#lease = textAt(granted, "ID");
    }
    if (this.#claimed) return "member";
    const standing = await this.#claim(signal);
    this.#claimed = standing === "member";
    return standing;
  }

  async members(signal: AbortSignal): Promise<readonly ClusterMember[]> {
    const changed = (await this.#change(signal)) ?? (await this.#everything(signal));
    this.#known = changed;
    if (changed.get(this.#self.name)?.instance !== this.#self.instance) this.#claimed = false;
    return [...changed.values()];
  }

  watch(changed: () => void, signal: AbortSignal): Promise<void> {
    // What it tells is not read: the first words are that it has begun, and then somebody has come or gone.
    return this.#client.listen("/v3/watch", { create_request: this.#everyKey }, { heard: changed, signal });
  }

  async leave(signal: AbortSignal): Promise<void> {
    const lease = this.#lease;
    this.#lease = "";
    this.#claimed = false;
    if (lease !== "") await this.#client.call("/v3/lease/revoke", { ID: lease }, signal);
  }

  close(): void {
    this.#client.close();
  }

  async #keptAlive(signal: AbortSignal): Promise<boolean> {
    const answer = await this.#client.call("/v3/lease/keepalive", { ID: this.#lease }, signal);
    // A lease that is no more has no TTL.
    return Number(textAt(answer, "result", "TTL")) > 0;
  }

  /** Writes this agent's record, unless another agent that lives has written one. */
  async #claim(signal: AbortSignal): Promise<Standing> {
    const key = this.#keyOf(this.#self.name);
    const absent = { target: "CREATE", result: "EQUAL", key, create_revision: "0" };
    const written = await this.#put(absent, signal);
    if (written.succeeded) return "member";
    const { record } = written;
    const holder = decodeMember(this.#self.name, fromBase64(textAt(record, "value")));
    const isOurs = holder.instance === this.#self.instance;
    if (!isOurs && (await this.#isRenewed(textAt(record, "lease"), signal))) return { heldBy: holder };
    const unchanged = { target: "MOD", result: "EQUAL", key, mod_revision: textAt(record, "mod_revision") };
    return (await this.#put(unchanged, signal)).succeeded ? "member" : { heldBy: holder };
  }

  /** Puts the record where `condition` holds; gives the one that stands there where it does not. */
  async #put(
    condition: { readonly key: string },
    signal: AbortSignal,
  ): Promise<{ succeeded: boolean; record: unknown }> {
    const { key } = condition;
    const answer = await this.#client.call(
      "/v3/kv/txn",
      {
        compare: [condition],
        success: [{ request_put: { key, value: toBase64(encodeMember(this.#self)), lease: this.#lease } }],
        failure: [{ request_range: { key } }],
      },
      signal,
    );
    const [first] = listAt(answer, "responses");
    return {
      succeeded: valueAt(answer, "succeeded") === true,
      record: listAt(first, "response_range", "kvs")[0],
    };
  }

  /**
   * Whether somebody keeps that lease alive. An agent renews after a third of its ttl, so one whose lease has only half of it left has
   * ended without leaving: this one before it was killed, most of the time.
   */
  async #isRenewed(lease: string, signal: AbortSignal): Promise<boolean> {
    if (lease === "" || lease === "0") return true;
    const answer = await this.#client.call("/v3/lease/timetolive", { ID: lease }, signal);
    // Whole seconds, rounded down.
    const leftSeconds = Number(textAt(answer, "TTL")) + 1;
    return leftSeconds * 2 > Number(textAt(answer, "grantedTTL"));
  }

  /** The members, if none is gone since the last look: only what was written since is asked for, and how many there are. */
  async #change(signal: AbortSignal): Promise<ReadonlyMap<string, ClusterMember> | undefined> {
    const { cluster, revision } = this.#asOf;
    if (cluster === "") return undefined;
    const answer = await this.#range({ min_mod_revision: String(revision + 1n) }, signal);
    const known = new Map([...this.#known, ...membersOf(answer, this.#prefix)]);
    const count = Number(textAt(answer, "count") || "0");
    // An etcd that was restored, or is another, has a history of its own.
    const continues = textAt(answer, "header", "cluster_id") === cluster && revisionOf(answer) >= revision;
    if (!continues || known.size !== count) return undefined;
    this.#asOf = { cluster, revision: revisionOf(answer) };
    return known;
  }

  async #everything(signal: AbortSignal): Promise<ReadonlyMap<string, ClusterMember>> {
    const answer = await this.#range({}, signal);
    this.#asOf = { cluster: textAt(answer, "header", "cluster_id"), revision: revisionOf(answer) };
    return membersOf(answer, this.#prefix);
  }

  #range(filter: { readonly min_mod_revision?: string }, signal: AbortSignal): Promise<unknown> {
    return this.#client.call("/v3/kv/range", { ...this.#everyKey, ...filter }, signal);
  }

  get #everyKey(): { readonly key: string; readonly range_end: string } {
    // The first key that does not begin with the prefix, which ends in "/": "0" is the next character.
    return { key: toBase64(this.#prefix), range_end: toBase64(`${this.#prefix.slice(0, -1)}0`) };
  }

  #keyOf(name: string): string {
    return toBase64(this.#prefix + name);
  }
}

function membersOf(answer: unknown, prefix: string): ReadonlyMap<string, ClusterMember> {
  return new Map(
    listAt(answer, "kvs").map((record) => {
      const name = fromBase64(textAt(record, "key")).slice(prefix.length);
      return [name, decodeMember(name, fromBase64(textAt(record, "value")))];
    }),
  );
}

function revisionOf(answer: unknown): bigint {
  const digits = textAt(answer, "header", "revision");
  return /^\d+$/.test(digits) ? BigInt(digits) : 0n;
}
