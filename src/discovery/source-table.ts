import { hash } from "node:crypto";
import { formatSize, limits } from "../base/index.ts";
import { type DiscoverySourceStatus, labelsKey, type Target } from "../model/index.ts";
import { labelBytes } from "./bounded-targets.ts";
import { DiscoveryError } from "./discovery-error.ts";

/** The targets of one source as they are kept on the disk. */
export interface KeptSource {
  readonly source: string;
  /** Wall time of the answer they come from. */
  readonly foundMs: number;
  /** Of the arguments that they were found with: see `argumentsHash`. */
  readonly foundWith: string;
  readonly targets: readonly Target[];
}

interface Source {
  /** By a hash of their labels, so that equal ones are there once. */
  readonly targets: ReadonlyMap<string, Target>;
  /** Of their labels. */
  readonly bytes: number;
  readonly foundMs: number | undefined;
  readonly foundWith: string;
  /** From the disk or from an earlier finder, and not heard of since. */
  readonly inherited: boolean;
  readonly fromDisk: boolean;
  /** Why it has none. */
  readonly remark: string | undefined;
  readonly error: { readonly message: string; readonly atMs: number } | undefined;
}

const nothing: ReadonlyMap<string, Target> = new Map();

interface Answer {
  readonly nowMs: number;
  /** Why there are none, where that may be a mistake. */
  readonly remark?: string | undefined;
}

/** How much there is, over all sources; those targets counted twice that two of them have. */
class Sum {
  sources = 0;
  targets = 0;
  bytes = 0;

  add({ targets, bytes }: Source, sign: 1 | -1): void {
    this.sources += sign;
    this.targets += sign * targets.size;
    this.bytes += sign * bytes;
  }
}

/** What is known of every source of one component: its last good targets and its last error. */
export class SourceTable {
  readonly #sources = new Map<string, Source>();
  /** Names of sources whose last answer was refused for want of room. */
  readonly #refused = new Set<string>();
  readonly #all = new Sum();
  readonly #inherited = new Sum();
  #foundWith: string;

  /** `foundWith` stands for the arguments of the finder. */
  constructor(foundWith: string) {
    this.#foundWith = foundWith;
  }

  get size(): number {
    return this.#sources.size;
  }

  /** Sources whose last answer was refused for want of room. */
  get refused(): number {
    return this.#refused.size;
  }

  /** Targets of the last run, of sources that have not answered since. */
  get fromDisk(): number {
    let targets = 0;
    for (const source of this.#sources.values()) if (source.fromDisk) targets += source.targets.size;
    return targets;
  }

  /** Whether a source has ever told its targets, be it in the last run. */
  hasAnswered(name: string): boolean {
    return this.#sources.get(name)?.foundMs !== undefined;
  }

  /** Takes the targets of a source in place of those it had; whether any differ. Throws a DiscoveryError, changing nothing, above a limit. */
  found(name: string, targets: readonly Target[], { nowMs, remark }: Answer): boolean {
    const bytes = targets.reduce((sum, target) => sum + labelBytes(target), 0);
    const before = this.#sources.get(name);
    // Before anything is made of them.
    this.#checkRoom({ targets: targets.length, bytes }, before);
    const old = before?.targets ?? nothing;
    const fresh = keyed(targets, old);
    this.#refused.delete(name);
    this.#set(name, {
      targets: fresh,
      bytes,
      foundMs: nowMs,
      foundWith: this.#foundWith,
      inherited: false,
      fromDisk: false,
      remark,
      error: undefined,
    });
    return !sameKeys(fresh, old);
  }

  /** Forgets a source; whether it had targets. */
  gone(name: string): boolean {
    this.#refused.delete(name);
    const source = this.#sources.get(name);
    if (!source) return false;
    this.#count(source, -1);
    this.#sources.delete(name);
    return source.targets.size > 0;
  }

  /** Notes an error of a source, which keeps its targets. */
  failed(name: string, message: string, nowMs: number): void {
    const source = this.#sources.get(name);
    if (!source && this.#sources.size >= limits.discoveredTargets) return;
    this.#set(name, { ...(source ?? this.#empty()), inherited: false, error: { message, atMs: nowMs } });
  }

  /** Notes that `found` threw. Of sources of which nothing is known some are named: there may be more of them than there is room for. */
  refuse(name: string, message: string, nowMs: number): void {
    this.#refused.add(name);
    if (this.#sources.has(name) || this.#refused.size <= limits.discoverySourcesShown)
      this.failed(name, message, nowMs);
  }

  /** Takes what was kept on the disk, until its source is heard of. */
  adopt(kept: readonly KeptSource[]): void {
    for (const { source, foundMs, foundWith, targets } of kept)
      this.#set(source, {
        targets: keyed(targets, nothing),
        bytes: targets.reduce((sum, target) => sum + labelBytes(target), 0),
        foundMs,
        foundWith,
        inherited: true,
        fromDisk: true,
        remark: undefined,
        error: undefined,
      });
  }

  /** From now on another finder reports: what its predecessor found stays until it is named again, or `dropInherited`. */
  inherit(foundWith: string): void {
    this.#foundWith = foundWith;
    this.#refused.clear();
    for (const [name, source] of this.#sources) {
      if (source.targets.size === 0) this.gone(name);
      else this.#set(name, { ...source, inherited: true, error: undefined });
    }
  }

  /** Forgets the sources that were inherited and not named since, all or those that are over; whether any had targets. */
  dropInherited(isOver: (name: string) => boolean = () => true): boolean {
    if (this.#inherited.sources === 0) return false;
    let dropped = false;
    for (const [name, { inherited }] of this.#sources)
      if (inherited && isOver(name)) dropped = this.gone(name) || dropped;
    return dropped;
  }

  /** The targets of all sources, equal ones once, in the order in which the sources came. */
  targets(): readonly Target[] {
    const merged = new Map<string, Target>();
    for (const { targets } of this.#sources.values())
      for (const [key, target] of targets) if (!merged.has(key)) merged.set(key, target);
    return [...merged.values()];
  }

  /** What is worth keeping on the disk. */
  kept(): readonly KeptSource[] {
    return [...this.#sources].flatMap(([source, { targets, foundMs, foundWith }]) =>
      targets.size === 0 || foundMs === undefined
        ? []
        : [{ source, foundMs, foundWith, targets: [...targets.values()] }],
    );
  }

  /** Every source, those first that fail, then those of which there is a remark; at most `max`. */
  statuses(max: number): readonly DiscoverySourceStatus[] {
    const failing: DiscoverySourceStatus[] = [];
    const remarkable: DiscoverySourceStatus[] = [];
    const well: DiscoverySourceStatus[] = [];
    for (const [name, source] of this.#sources) {
      const list = source.error ? failing : source.remark === undefined ? well : remarkable;
      if (list.length < max) list.push(statusOf(name, source));
    }
    return [...failing, ...remarkable, ...well].slice(0, max);
  }

  /** What is only there until the finder has named everything is about to go, and does not take the room. */
  #checkRoom(fresh: { readonly targets: number; readonly bytes: number }, before: Source | undefined): void {
    const { discoveredTargets, discoveryBytes } = limits;
    const old = before?.inherited ? undefined : before;
    const sources = this.#all.sources - this.#inherited.sources + (old ? 0 : 1);
    const targets = this.#all.targets - this.#inherited.targets - (old?.targets.size ?? 0) + fresh.targets;
    const bytes = this.#all.bytes - this.#inherited.bytes - (old?.bytes ?? 0) + fresh.bytes;
    if (targets > discoveredTargets || sources > discoveredTargets)
      throw new DiscoveryError(
        "too_many_targets",
        `Cannot take ${fresh.targets} targets: with those of the other sources they would be ${targets}, more than ${discoveredTargets}; narrow down what is discovered`,
      );
    if (bytes > discoveryBytes)
      throw new DiscoveryError(
        "too_large",
        `Cannot take ${fresh.targets} targets: the labels of all would be ${formatSize(bytes)}, more than ${formatSize(discoveryBytes)}; narrow down what is discovered`,
      );
  }

  #empty(): Source {
    return {
      targets: nothing,
      bytes: 0,
      foundMs: undefined,
      foundWith: this.#foundWith,
      inherited: false,
      fromDisk: false,
      remark: undefined,
      error: undefined,
    };
  }

  #set(name: string, source: Source): void {
    const before = this.#sources.get(name);
    if (before) this.#count(before, -1);
    this.#count(source, 1);
    this.#sources.set(name, source);
  }

  #count(source: Source, sign: 1 | -1): void {
    this.#all.add(source, sign);
    if (source.inherited) this.#inherited.add(source, sign);
  }
}

/** The targets by their key. Those that were there before stay the same objects. */
function keyed(targets: readonly Target[], old: ReadonlyMap<string, Target>): ReadonlyMap<string, Target> {
  const fresh = new Map<string, Target>();
  for (const target of targets) {
    const key = keyOf(target);
    fresh.set(key, old.get(key) ?? target);
  }
  return fresh;
}

/** Short, because thousands are kept. */
function keyOf(target: Target): string {
  return hash("sha256", labelsKey(target), "base64");
}

function sameKeys(a: ReadonlyMap<string, Target>, b: ReadonlyMap<string, Target>): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) if (!b.has(key)) return false;
  return true;
}

function statusOf(name: string, { targets, foundMs, fromDisk, remark, error }: Source): DiscoverySourceStatus {
  return {
    name,
    targets: targets.size,
    fromDisk,
    ...(foundMs !== undefined && { foundMs }),
    ...(remark !== undefined && { remark }),
    ...(error && { lastError: error.message, lastErrorMs: error.atMs }),
  };
}
