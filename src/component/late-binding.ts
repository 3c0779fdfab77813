import { AgentError } from "../base/index.ts";
import type { Appender, Profile, Target, TargetSource } from "../model/index.ts";

const noTargets: readonly Target[] = [];

/** The receiver of a component id: handed out once, valid while the component behind it comes, changes and goes. */
export class LateReceiver implements Appender {
  readonly #id: string;
  #behind: Appender | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  bind(receiver: Appender | undefined): void {
    this.#behind = receiver;
  }

  append(profile: Profile): Promise<void> {
    if (this.#behind) return this.#behind.append(profile);
    const message = `Could not hand on a profile: no running component "${this.#id}" receives profiles`;
    return Promise.reject(new AgentError("no_receiver", message));
  }
}

/** The targets of a component id, likewise. Subscribers stay subscribed and hear of every change behind it. */
export class LateTargets implements TargetSource {
  readonly #listeners = new Set<() => void>();
  #behind: TargetSource | undefined;
  #unsubscribe: () => void = () => {};
  /** Whether what is behind it has told of a change. */
  #heard = false;

  bind(source: TargetSource | undefined): void {
    if (source === this.#behind) return;
    this.#unsubscribe();
    this.#behind = source;
    this.#heard = false;
    this.#unsubscribe = source?.subscribe(() => this.#onChange()) ?? (() => {});
    this.#tell();
  }

  current(): readonly Target[] {
    return this.#behind?.current() ?? noTargets;
  }

  /** False too while nothing is behind it: a reload binds what is new when everybody has taken their arguments. */
  get hasAnswered(): boolean {
    const source = this.#behind;
    return source !== undefined && (source.hasAnswered ?? (this.#heard || source.current().length > 0));
  }

  subscribe(listener: () => void): () => void {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  #onChange(): void {
    this.#heard = true;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
