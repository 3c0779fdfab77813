import * as v from "valibot";
import {
  type ComponentConfig,
  type ComponentContext,
  type ComponentKind,
  Reference,
  referencesIn,
} from "../../src/component/index.ts";
import { aborted } from "../../src/base/index.ts";
import type { Profile, Target } from "../../src/model/index.ts";

/** Arguments of the fake kinds: what they refer to, and how they misbehave. */
interface Args {
  readonly to?: readonly Reference[];
  readonly from?: readonly Reference[];
  readonly targets?: readonly Target[];
  readonly refuse?: string;
  readonly failAfterStart?: string;
  readonly failNow?: string;
  /** Waits for the test to call `release` before its run ends. */
  readonly slowStop?: boolean;
  readonly tag?: string;
}

// What happened, in order: "create a", "run a", "apply a tag", "stop a", "end a", "a got id".
export const events: string[] = [];
export const contexts = new Map<string, ComponentContext>();
/** Lets the run of a `slowStop` component end. */
export const release = new Map<string, () => void>();

/** What happened since it was last asked. */
export const happened = (): string[] => events.splice(0);

/** Forgets everything. */
export function startAnew(): void {
  happened();
  contexts.clear();
  release.clear();
}

function fakeKind(name: string, exported?: "receiver" | "targets"): ComponentKind<Args> {
  return {
    name,
    summary: "A kind for tests.",
    schema: v.custom<Args>(() => true),
    ...(exported && { exports: exported }),
    create(args, context) {
      if (args.refuse) throw new Error(args.refuse);
      const { id } = context;
      events.push(`create ${id}`);
      contexts.set(id, context);
      const listeners = new Set<() => void>();
      let current = args;
      const receiver = { append: async (taken: Profile) => void events.push(`${id} got ${taken.id}`) };
      const targets = {
        current: () => current.targets ?? [],
        subscribe(listener: () => void) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
      return {
        exports: { ...(exported === "receiver" && { receiver }), ...(exported === "targets" && { targets }) },
        async run(signal) {
          events.push(`run ${id}`);
          if (current.failAfterStart) throw new Error(current.failAfterStart);
          await aborted(signal);
          events.push(`stop ${id}`);
          if (current.slowStop) await new Promise<void>((resolve) => release.set(id, resolve));
          events.push(`end ${id}`);
        },
        applyConfig(next) {
          if (next.refuse) throw new Error(next.refuse);
          current = next;
          events.push(`apply ${id} ${next.tag}`);
          for (const listener of listeners) listener();
        },
        tryNow() {
          if (current.failNow) throw new Error(current.failNow);
        },
        snapshot: () => ({ tag: current.tag }),
      };
    },
  };
}

const kinds = { scrape: fakeKind("scrape"), write: fakeKind("write", "receiver"), find: fakeKind("find", "targets") };

/** The table of a component whose id begins with `scrape`, `write` or `find`. */
export function component(id: string, args: Args = {}): ComponentConfig {
  const kind = kinds[id.split(".")[0] as keyof typeof kinds] as ComponentKind;
  return { id, kind, raw: structuredClone(JSON.parse(JSON.stringify(args))), args, references: referencesIn(args) };
}

export const to = (...ids: string[]): readonly Reference[] => ids.map((id) => new Reference(id, "receiver"));
export const from = (...ids: string[]): readonly Reference[] => ids.map((id) => new Reference(id, "targets"));
