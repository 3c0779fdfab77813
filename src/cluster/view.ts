import type { ClusterMember } from "../model/index.ts";

/**
 * Who shares the targets: those that the engine names. After an outage of the engine for everybody, those who come back first would see few
 * members and take nearly everything for a moment; so whoever was a member before it stays one for another ttl.
 *
 * Memberships end from half of a ttl of outage on: whoever is well has renewed in the half before. Who is missing after a shorter one has
 * left, or was in trouble before, and is not waited for.
 */
export class View {
  readonly #ttlMs: number;
  #named: readonly ClusterMember[] | undefined;
  readonly #awaited = new Map<string, { readonly member: ClusterMember; readonly untilMs: number }>();

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  /** Undefined before the first answer. */
  get members(): readonly ClusterMember[] | undefined {
    return this.#named && [...this.#named, ...[...this.#awaited.values()].map(({ member }) => member)];
  }

  /** Takes an answer in; `outageMs` is how long the engine gave none before it. */
  answered(
    named: readonly ClusterMember[],
    { nowMs, outageMs }: { readonly nowMs: number; readonly outageMs: number },
  ): void {
    const present = new Set(named.map(({ name }) => name));
    if (outageMs >= this.#ttlMs / 2)
      for (const member of this.#named ?? [])
        if (!present.has(member.name)) this.#awaited.set(member.name, { member, untilMs: nowMs + this.#ttlMs });
    for (const [name, { untilMs }] of this.#awaited)
      if (present.has(name) || untilMs <= nowMs) this.#awaited.delete(name);
    this.#named = named;
  }
}
