import { formatSize, limits } from "../base/index.ts";
import { type DiscoverySourceStatus, labelsKey, type Target } from "../model/index.ts";
import { DiscoveryError } from "./discovery-error.ts";

/** The targets of one source as they were kept on the disk. */
export interface KeptSource {
  readonly source: string;
  /** Wall time of the answer they come from. */
  readonly foundMs: number;
  readonly targets: readonly Target[];
}

interface Source {
  /** By `labelsKey`, so that equal ones are there once. */
  targets: ReadonlyMap<string, Target>;
  foundMs: number | undefined;
  /** From the disk or from an earlier finder, and not heard of since. */
  inherited: boolean;
  fromDisk: boolean;
  error: { readonly message: string; readonly atMs: number } | undefined;
}

const nothing: ReadonlyMap<string, Target> = new Map();

/** What is known of every source of one component: its last good targets and its last error. */
export class SourceTable {
  readonly #sources = new Map<string, Source>();
  /** Over all sources, those counted twice that two of them have. */
  #targets = 0;
  #bytes = 0;

  get size(): number {
    return this.#sources.size;
  }

  /** Takes the targets of a source in place of those it had; whether any differ. Throws a DiscoveryError, changing nothing, above a limit. */
  found(name: string, targets: readonly Target[], nowMs: number): boolean {
    const before = this.#sources.get(name);
    const old = before?.targets ?? nothing;
    const fresh = keyed(targets, old);
    this.#checkRoom(fresh, before?.inherited ? nothing : old);
    const changed = !sameKeys(fresh, old);
    this.#set(name, { targets: fresh, foundMs: nowMs, inherited: false, fromDisk: false, error: undefined });
    return changed;
  }

  /** Forgets a source; whether it had targets. */
  gone(name: string): boolean {
    const source = this.#sources.get(name);
    if (!source) return false;
    this.#count(source.targets, -1);
    this.#sources.delete(name);
    return source.targets.size > 0;
  }

  /** Notes an error of a source, which keeps its targets; whether it is another one than before. */
  failed(name: string, message: string, nowMs: number): boolean {
    const source = this.#sources.get(name);
    const told = source?.error?.message === message;
    const error = { message, atMs: nowMs };
    if (source) Object.assign(source, { error, inherited: false });
    else if (this.#sources.size < limits.discoveredTargets)
      this.#set(name, { targets: nothing, foundMs: undefined, inherited: false, fromDisk: false, error });
    return !told;
  }

  hasError(name: string): boolean {
    return this.#sources.get(name)?.error !== undefined;
  }

  /** Takes what was kept on the disk, until its source is heard of. */
  adopt(kept: readonly KeptSource[]): void {
    for (const { source, foundMs, targets } of kept)
      this.#set(source, {
        targets: keyed(targets, nothing),
        foundMs,
        inherited: true,
        fromDisk: true,
        error: undefined,
      });
  }

  /** From now on another finder reports: what its predecessor found stays until it is named again, or `dropInherited`. */
  inherit(): void {
    for (const [name, source] of this.#sources) {
      if (source.targets.size === 0) this.#sources.delete(name);
      else Object.assign(source, { inherited: true, error: undefined });
    }
  }

  /** Forgets the sources that were inherited and not named since; whether any had targets. */
  dropInherited(): boolean {
    let dropped = false;
    for (const [name, { inherited }] of this.#sources) if (inherited) dropped = this.gone(name) || dropped;
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
    return [...this.#sources].flatMap(([source, { targets, foundMs }]) =>
      targets.size === 0 || foundMs === undefined ? [] : [{ source, foundMs, targets: [...targets.values()] }],
    );
  }

  /** Every source, those that fail first, at most `max`. */
  statuses(max: number): readonly DiscoverySourceStatus[] {
    const failing: DiscoverySourceStatus[] = [];
    const well: DiscoverySourceStatus[] = [];
    for (const [name, source] of this.#sources) {
      const list = source.error ? failing : well;
      if (list.length < max) list.push(statusOf(name, source));
    }
    return [...failing, ...well].slice(0, max);
  }

  #checkRoom(fresh: ReadonlyMap<string, Target>, old: ReadonlyMap<string, Target>): void {
    const { discoveredTargets, discoveryBytes } = limits;
    const more = { targets: fresh.size - old.size, bytes: bytesOf(fresh) - bytesOf(old) };
    const isRoomy = this.#targets + more.targets <= discoveredTargets && this.#bytes + more.bytes <= discoveryBytes;
    if (isRoomy && this.#sources.size <= discoveredTargets) return;
    const others = this.#namedByFinder();
    const [targets, bytes] = [others.targets + more.targets, others.bytes + more.bytes];
    if (targets > discoveredTargets || others.sources > discoveredTargets)
      throw new DiscoveryError(
        "too_many_targets",
        `Cannot take ${fresh.size} targets: with those of the other sources they would be ${targets}, more than ${discoveredTargets}; narrow down what is discovered`,
      );
    if (bytes > discoveryBytes)
      throw new DiscoveryError(
        "too_large",
        `Cannot take ${fresh.size} targets: the labels of all would be ${formatSize(bytes)}, more than ${formatSize(discoveryBytes)}; narrow down what is discovered`,
      );
  }

  /** Without what is only there until the finder has named everything: that is about to go, and must not take the room. */
  #namedByFinder(): { readonly sources: number; readonly targets: number; readonly bytes: number } {
    const inherited = [...this.#sources.values()].filter((source) => source.inherited);
    return {
      sources: this.#sources.size - inherited.length,
      targets: this.#targets - inherited.reduce((sum, { targets }) => sum + targets.size, 0),
      bytes: this.#bytes - inherited.reduce((sum, { targets }) => sum + bytesOf(targets), 0),
    };
  }

  #set(name: string, source: Source): void {
    this.#count(this.#sources.get(name)?.targets ?? nothing, -1);
    this.#count(source.targets, 1);
    this.#sources.set(name, source);
  }

  #count(targets: ReadonlyMap<string, Target>, sign: 1 | -1): void {
    this.#targets += sign * targets.size;
    this.#bytes += sign * bytesOf(targets);
  }
}

/** The targets by their key. Those that were there before stay the same objects. */
function keyed(targets: readonly Target[], old: ReadonlyMap<string, Target>): ReadonlyMap<string, Target> {
  const fresh = new Map<string, Target>();
  for (const target of targets) {
    const key = labelsKey(target);
    fresh.set(key, old.get(key) ?? target);
  }
  return fresh;
}

function sameKeys(a: ReadonlyMap<string, Target>, b: ReadonlyMap<string, Target>): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) if (!b.has(key)) return false;
  return true;
}

function bytesOf(targets: ReadonlyMap<string, Target>): number {
  let bytes = 0;
  for (const key of targets.keys()) bytes += key.length;
  return bytes;
}

function statusOf(name: string, { targets, foundMs, fromDisk, error }: Source): DiscoverySourceStatus {
  return {
    name,
    targets: targets.size,
    fromDisk,
    ...(foundMs !== undefined && { foundMs }),
    ...(error && { lastError: error.message, lastErrorMs: error.atMs }),
  };
}
