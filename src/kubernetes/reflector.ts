import { AgentError, backoffDelayMs, type Clock, formatSize, limits, sleep, textAt } from "../base/index.ts";
import { afterFailure, mostFailuresInRow } from "./after-failure.ts";
import type { ApiClient, Selection, WatchEvent } from "./api-client.ts";
import { KubernetesError } from "./kubernetes-error.ts";

/** What a reflector tells. */
export interface ReflectorListener {
  /** An object came, changed so that its reader sees it, or went. */
  changed(key: string): void;
  /** What is known is what there is: after every list, when a watch is accepted, and with every sign of life of it. */
  current(): void;
  /** What is known stays. It is tried again by itself. */
  failed(error: unknown): void;
}

export interface ReflectorOptions {
  readonly client: ApiClient;
  readonly selection: Selection;
  /** What of an object is kept, as something that JSON can write. */
  readonly keep: (object: unknown) => unknown;
  readonly listener: ReflectorListener;
  readonly clock: Clock;
}

/** A watch that lives shorter than this counts as an attempt that failed when it comes to the wait before the next. */
const shortWatchMs = 5000;

/**
 * The objects of a selection as they are now: lists them, watches from there, and lists anew where no watch can go on from there (kubernetes.io,
 * "Kubernetes API Concepts": efficient detection of changes). While the API server is away everything stays as it was.
 */
export class Reflector {
  readonly selection: Selection;
  readonly #options: ReflectorOptions;
  /** What was kept of each object, as JSON text: a quarter of the memory, and changes are found by comparing texts. */
  #objects = new Map<string, string>();
  #bytes = 0;
  /** To watch from; undefined where a list is needed. */
  #version: string | undefined;
  #listed = false;
  /** Failures that left the version as it was, since a watch was accepted or a list was tried. */
  #failuresInRow = 0;
  /** Whether the API server has forgotten what was asked for last, and told of nothing since. */
  #wasGone = false;

  constructor(options: ReflectorOptions) {
    this.selection = options.selection;
    this.#options = options;
  }

  /** Whether all objects have been there once. */
  get listed(): boolean {
    return this.#listed;
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  /** What was kept of an object, by `namespace/name`, or by the name alone where there are no namespaces. */
  get(key: string): unknown {
    const text = this.#objects.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** Runs until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let retry = 0;
    while (!signal.aborted) {
      const startMs = clock.monotonic();
      const went = await this.#attempt(signal);
      // A list says nothing of how well watches go.
      if (went === "listed") continue;
      if (clock.monotonic() - startMs < shortWatchMs) retry++;
      else retry = went === "ended" ? 0 : 1;
      if (retry > 0) await sleep(clock, backoffDelayMs(retry, limits.kubernetesBackoff), signal).catch(() => undefined);
    }
  }

  /** One list or one watch. */
  async #attempt(signal: AbortSignal): Promise<"listed" | "ended" | "broke"> {
    try {
      const version = this.#version;
      if (version !== undefined && this.#failuresInRow < mostFailuresInRow) return await this.#watch(version, signal);
      this.#failuresInRow = 0;
      await this.#list(signal);
      return "listed";
    } catch (thrown) {
      if (signal.aborted) return "ended";
      const reason = thrown instanceof AgentError ? thrown.reason : "";
      const next = afterFailure(thrown);
      if (next === "list") this.#version = undefined;
      if (next === "watch for now") this.#failuresInRow++;
      // It may forget a version, or the token of a next page, but not each of them.
      if (reason !== "gone" || this.#wasGone) this.#options.listener.failed(thrown);
      this.#wasGone = reason === "gone";
      return "broke";
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, listener, selection } = this.#options;
    const objects = new Map<string, string>();
    let bytes = 0;
    let next = "";
    let version: string;
    let pages = 0;
    do {
      const page = await client.list(selection, { next, signal });
      checkPage(++pages, page.next !== "" && page.next === next);
      for (const object of page.items) {
        const text = this.#kept(object);
        objects.set(keyOf(object), text);
        bytes += text.length;
      }
      checkRoom(objects.size, bytes);
      ({ next, version } = page);
    } while (next !== "");
    const before = this.#objects;
    this.#objects = objects;
    this.#bytes = bytes;
    this.#version = version;
    this.#listed = true;
    for (const [key, text] of objects) if (before.get(key) !== text) listener.changed(key);
    for (const key of before.keys()) if (!objects.has(key)) listener.changed(key);
    listener.current();
  }

  async #watch(version: string, signal: AbortSignal): Promise<"ended" | "broke"> {
    const { client, listener, selection } = this.#options;
    let begun = false;
    const begin = (): void => {
      begun = true;
      this.#failuresInRow = 0;
      listener.current();
    };
    try {
      await client.watch(selection, { version, signal, begin, event: (event) => this.#take(event) });
      this.#wasGone = false;
      return "ended";
    } catch (thrown) {
      if (!begun || thrown instanceof KubernetesError) throw thrown;
      // What broke off goes on from where it was; that is a failure only if it cannot. But one that told of nothing in all its time, not even
      // by a bookmark, may be held back by a proxy, and so would be the next.
      const wasSilent = thrown instanceof AgentError && thrown.reason === "timeout" && this.#version === version;
      if (wasSilent) this.#version = undefined;
      return "broke";
    }
  }

  #take({ type, object }: WatchEvent): void {
    const { listener } = this.#options;
    const version = textAt(object, "metadata", "resourceVersion");
    this.#wasGone = false;
    if (type === "BOOKMARK") listener.current();
    else if (this.#put(keyOf(object), type === "DELETED" ? undefined : this.#kept(object)))
      listener.changed(keyOf(object));
    if (version !== "") this.#version = version;
  }

  /** Whether it is another text than before. */
  #put(key: string, text: string | undefined): boolean {
    const before = this.#objects.get(key);
    if (before === text) return false;
    const bytes = this.#bytes + (text?.length ?? 0) - (before?.length ?? 0);
    if (text === undefined) this.#objects.delete(key);
    else {
      checkRoom(this.#objects.size + (before === undefined ? 1 : 0), bytes);
      this.#objects.set(key, text);
    }
    this.#bytes = bytes;
    return true;
  }

  #kept(object: unknown): string {
    return JSON.stringify(this.#options.keep(object));
  }
}

function keyOf(object: unknown): string {
  const name = textAt(object, "metadata", "name");
  if (name === "") throw new KubernetesError("bad_answer", "Cannot read the API server: an object has no name");
  const namespace = textAt(object, "metadata", "namespace");
  return namespace === "" ? name : `${namespace}/${name}`;
}

const narrowing = "narrow them down with namespaces or selectors";

function checkPage(pages: number, isSameAgain: boolean): void {
  if (isSameAgain)
    throw new KubernetesError(
      "bad_answer",
      "Cannot read the API server: after a page of a list it names the same again",
    );
  if (pages > limits.kubernetesPages)
    throw new KubernetesError(
      "too_many",
      `Cannot read more than ${limits.kubernetesPages} pages of a list; ${narrowing}`,
    );
}

function checkRoom(objects: number, bytes: number): void {
  const { kubernetesObjects, kubernetesObjectsBytes } = limits;
  if (objects > kubernetesObjects)
    throw new KubernetesError(
      "too_many",
      `Cannot keep more than ${kubernetesObjects} objects of the API server; ${narrowing}`,
    );
  if (bytes > kubernetesObjectsBytes)
    throw new KubernetesError(
      "too_large",
      `Cannot keep more than ${formatSize(kubernetesObjectsBytes)} of objects of the API server; ${narrowing}`,
    );
}
