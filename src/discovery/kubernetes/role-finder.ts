import { type Clock, limits, type Timer } from "../../base/index.ts";
import { type ApiClient, Reflector } from "../../kubernetes/index.ts";
import type { Target } from "../../model/index.ts";
import { boundedTargets } from "../bounded-targets.ts";
import type { Report } from "../finder.ts";
import { SkippedObjects } from "../skipped-objects.ts";
import { keepEndpoints } from "./endpoints.ts";
import { keepSlice } from "./endpointslice.ts";
import { keepIngress } from "./ingress.ts";
import { keepNode } from "./node.ts";
import { keepMetadata } from "./object-labels.ts";
import { keepPod } from "./pod.ts";
import type { Kept, ResourceName, Role, Surroundings } from "./role.ts";
import type { Wanted } from "./selections.ts";
import { keepService } from "./service.ts";

const keepers: { readonly [Name in ResourceName]: (object: unknown) => Kept[Name] } = {
  pods: keepPod,
  services: keepService,
  endpoints: keepEndpoints,
  endpointslices: keepSlice,
  ingresses: keepIngress,
  nodes: keepNode,
  namespaces: keepMetadata,
};

export interface RoleFinderOptions {
  readonly client: ApiClient;
  readonly role: Role;
  readonly roleName: string;
  /** The lists that the role needs. */
  readonly wanted: readonly Wanted[];
  readonly clock: Clock;
  readonly report: Report;
}

/** A list that is kept, and how it goes. */
interface WatchedList {
  readonly name: ResourceName;
  readonly reflector: Reflector;
  isFailing: boolean;
  /** What is yet to be told of. */
  failure: { readonly error: unknown } | undefined;
  wasTold: boolean;
}

/**
 * Turns the objects of a role into targets, each object a source of its own: as soon as everything that belongs to it is listed, and again
 * whenever it, or an object that it was put together with, changes.
 */
export class RoleFinder {
  readonly #options: RoleFinderOptions;
  readonly #lists: readonly WatchedList[];
  /** Objects whose targets are to be made. */
  readonly #due = new Set<string>();
  /** Objects whose targets there was no room for. Those that have waited longest come first. */
  readonly #refused = new Set<string>();
  /** Whether the last one was taken, or went: others may then have room. */
  #hasRoom = false;
  /** By object looked at, `pods shop/cart-1`: the objects whose targets have something of it. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #dependencies = new Map<string, readonly string[]>();
  /** What the objects have that becomes no target: of each, and of all. */
  readonly #skipped = new Map<string, SkippedObjects>();
  readonly #allSkipped = new SkippedObjects();
  #timer: Timer | undefined;
  /** How long the last turn went on. */
  #turnMs = 0;

  constructor(options: RoleFinderOptions) {
    this.#options = options;
    this.#lists = options.wanted.map((wanted) => this.#listOf(wanted));
  }

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#lists.map(({ reflector }) => reflector.run(signal)));
    this.#timer?.cancel();
  }

  #listOf({ name, selection }: Wanted): WatchedList {
    const { client, clock } = this.#options;
    const listener = {
      changed: (key: string): void => this.#changed(name, key),
      current: (): void => {
        list.isFailing = false;
        this.#schedule();
      },
      failed: (error: unknown): void => {
        list.isFailing = true;
        list.failure = { error };
        this.#schedule();
      },
    };
    const reflector = new Reflector({ client, selection, keep: keepers[name], listener, clock });
    const list: WatchedList = { name, reflector, isFailing: false, failure: undefined, wasTold: false };
    return list;
  }

  #changed(name: ResourceName, key: string): void {
    if (name === this.#options.role.resource) this.#due.add(key);
    for (const dependent of this.#dependents.get(`${name} ${key}`) ?? []) this.#due.add(dependent);
    this.#schedule();
  }

  /** How a list goes; after what it found, which would be taken for the end of its failure. */
  #tell(list: WatchedList): void {
    const { report } = this.#options;
    const source = this.#sourceOf(list);
    if (list.failure) {
      report.failed(source, list.failure.error);
      list.failure = undefined;
      list.wasTold = true;
    }
    if (list.isFailing || !list.wasTold) return;
    list.wasTold = false;
    if (source === "") return;
    // It has no targets: it was there to carry the failure.
    report.found(source, []);
    report.gone(source);
  }

  /** The only list is the look as a whole; of several each has a name. */
  #sourceOf({ name, reflector }: WatchedList): string {
    if (this.#lists.length === 1) return "";
    const { namespace } = reflector.selection;
    return namespace === undefined ? `watch of ${name}` : `watch of ${name} in ${namespace}`;
  }

  /** By default soon, but so that one object with many targets that changes all the time takes no more than a tenth of the time. */
  #schedule(delayMs: number = Math.max(limits.kubernetesSettleMs, 10 * this.#turnMs)): void {
    const { clock } = this.#options;
    this.#timer ??= clock.after(delayMs, () => {
      this.#timer = undefined;
      const startMs = clock.monotonic();
      this.#workOff(startMs + limits.kubernetesTurnMs);
      this.#turnMs = clock.monotonic() - startMs;
    });
  }

  #workOff(endMs: number): void {
    const { clock, report } = this.#options;
    for (const key of this.#nextObjects()) {
      // Thousands of objects in one go would hold up the scrapes.
      if (clock.monotonic() >= endMs) return this.#schedule(0);
      this.#make(key);
    }
    report.skipped(this.#allSkipped.counts());
    for (const list of this.#lists) this.#tell(list);
    const isCurrent = this.#lists.every(({ reflector, isFailing }) => reflector.listed && !isFailing);
    if (isCurrent) report.complete();
    else this.#settle();
  }

  /** Lets go what an earlier finder left in namespaces that are listed by now, and in those that nobody looks in any more. */
  #settle(): void {
    const { role, report } = this.#options;
    const isWanted = concerning(this.#lists.filter(({ name }) => name === role.resource));
    const isAwaited = concerning(this.#lists.filter(({ reflector }) => !reflector.listed));
    const isOver = (source: string): boolean => {
      const namespace = namespaceOf(source.slice(source.indexOf("/") + 1));
      return !isWanted(namespace) || !isAwaited(namespace);
    };
    report.settled(
      isOver,
      this.#lists.every(({ reflector, isFailing }) => reflector.listed || isFailing),
    );
  }

  /** Objects whose targets can be made now: those that are due, then those that may have room now. */
  *#nextObjects(): Generator<string> {
    for (const key of this.#due) if (this.#isReady(namespaceOf(key))) yield key;
    for (const key of this.#refused) {
      if (!this.#hasRoom) return;
      yield key;
    }
  }

  /** Whether everything is listed that the objects of a namespace may be put together with: half of it would make other targets. */
  #isReady(namespace: string): boolean {
    return this.#lists.every(({ reflector: { listed, selection } }) => {
      const concerns = selection.namespace === undefined || selection.namespace === namespace;
      return listed || !concerns;
    });
  }

  #make(key: string): void {
    const { role } = this.#options;
    this.#due.delete(key);
    this.#refused.delete(key);
    this.#forget(key);
    const object = this.#get(role.resource, key);
    const seen = new Map<string, unknown>();
    const skipped = new SkippedObjects();
    const targets = object === undefined ? [] : role.targets(object, this.#surroundings(seen, skipped));
    this.#report(key, targets);
    this.#skip(key, skipped);
    if (object !== undefined) this.#remember(key, [...seen.keys()]);
  }

  #report(key: string, made: Iterable<Target>): void {
    const { roleName, report } = this.#options;
    const source = `${roleName}/${key}`;
    let targets: readonly Target[];
    try {
      targets = boundedTargets(made, `Cannot take the targets of one ${roleName}`);
    } catch (thrown) {
      // However much room there is, it does not fit until it changes.
      report.failed(source, thrown);
      return;
    }
    const taken = targets.length === 0 || report.found(source, targets);
    if (targets.length === 0) report.gone(source);
    if (!taken) this.#refused.add(key);
    this.#hasRoom = taken;
  }

  /** In place of what was skipped of the object before. */
  #skip(key: string, skipped: SkippedObjects): void {
    const before = this.#skipped.get(key);
    if (before) this.#allSkipped.addAll(before, -1);
    this.#allSkipped.addAll(skipped, 1);
    if (skipped.isEmpty) this.#skipped.delete(key);
    else this.#skipped.set(key, skipped);
  }

  #surroundings(seen: Map<string, unknown>, skipped: SkippedObjects): Surroundings {
    return {
      skipped,
      reads: (resource) => this.#lists.some(({ name }) => name === resource),
      get: <Name extends ResourceName>(resource: Name, key: string): Kept[Name] | undefined => {
        const id = `${resource} ${key}`;
        if (!seen.has(id)) seen.set(id, this.#get(resource, key));
        return seen.get(id) as Kept[Name] | undefined;
      },
    };
  }

  #get<Name extends ResourceName>(resource: Name, key: string): Kept[Name] | undefined {
    for (const { name, reflector } of this.#lists) {
      const object = name === resource ? reflector.get(key) : undefined;
      if (object !== undefined) return object as Kept[Name];
    }
    return undefined;
  }

  #remember(key: string, dependencies: readonly string[]): void {
    if (dependencies.length === 0) return;
    this.#dependencies.set(key, dependencies);
    for (const id of dependencies) {
      const dependents = this.#dependents.get(id) ?? new Set();
      dependents.add(key);
      this.#dependents.set(id, dependents);
    }
  }

  #forget(key: string): void {
    for (const id of this.#dependencies.get(key) ?? []) {
      const dependents = this.#dependents.get(id);
      dependents?.delete(key);
      if (dependents?.size === 0) this.#dependents.delete(id);
    }
    this.#dependencies.delete(key);
  }
}

/** Whether the lists have to do with a namespace. */
function concerning(lists: readonly WatchedList[]): (namespace: string) => boolean {
  const namespaces = new Set(lists.map(({ reflector }) => reflector.selection.namespace));
  return (namespace) => namespaces.has(undefined) || namespaces.has(namespace);
}

function namespaceOf(key: string): string {
  return key.includes("/") ? key.slice(0, key.indexOf("/")) : "";
}
