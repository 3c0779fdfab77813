import { type Clock, limits, type Timer } from "../base/index.ts";
import type { Target, TargetSource } from "../model/index.ts";

export interface TargetExport {
  /** What other components see. */
  readonly source: TargetSource;
  /** Something changed: published at once, or a little later where something was published a moment ago. */
  changed(): void;
  /** A look has succeeded, if only to find nothing: those who wait for the first targets need not wait longer. */
  answered(): void;
  /** Publishes nothing more. */
  close(): void;
}

export interface TargetExportOptions {
  readonly clock: Clock;
  /** All targets as they are when they are published. */
  readonly targets: () => readonly Target[];
  readonly onPublished: (targets: readonly Target[]) => void;
}

/** Publishes targets: the first change at once, then at most every `discoveryPublishMs`, whatever came in between as one. */
export function createTargetExport({ clock, targets, onPublished }: TargetExportOptions): TargetExport {
  const listeners = new Set<() => void>();
  let published: readonly Target[] = [];
  let nextMs = clock.monotonic();
  let isDue = false;
  let hasAnswered = false;
  let closed = false;
  let timer: Timer | undefined;

  const tell = (): void => {
    hasAnswered = true;
    for (const listener of listeners) listener();
  };

  const publish = (): void => {
    isDue = false;
    if (closed) return;
    nextMs = clock.monotonic() + limits.discoveryPublishMs;
    published = targets();
    onPublished(published);
    tell();
  };

  return {
    source: {
      current: () => published,
      get hasAnswered() {
        return hasAnswered;
      },
      subscribe(listener) {
        // Wrapped, so that one function subscribed twice is two subscriptions.
        const entry = (): void => listener();
        listeners.add(entry);
        return () => void listeners.delete(entry);
      },
    },
    changed() {
      if (isDue) return;
      isDue = true;
      const waitMs = nextMs - clock.monotonic();
      // Not in this very turn: whoever lists a thousand things reports them one after the other.
      if (waitMs <= 0) queueMicrotask(publish);
      else timer = clock.after(waitMs, publish);
    },
    answered() {
      // What is about to be published says it too.
      if (!hasAnswered && !isDue) tell();
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
