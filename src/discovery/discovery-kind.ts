import type { GenericSchema } from "valibot";
import type { ComponentKind } from "../component/index.ts";
import { DiscoveryComponent } from "./discovery-component.ts";
import { findOnce } from "./find-once.ts";
import type { Finder, FinderContext } from "./finder.ts";

export interface DiscoveryKindOptions<Arguments> {
  /** `discovery.http` */
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  readonly schema: GenericSchema<unknown, Arguments>;
  /** As ComponentKind's. */
  readonly prepare?: (raw: unknown) => Promise<void>;
  /** As ComponentKind's. */
  readonly warnings?: (id: string, args: Arguments) => readonly string[] | Promise<readonly string[]>;
  /** As ComponentKind's. */
  readonly nodeLocal?: (args: Arguments) => string | undefined;
  /** Whether only this machine says what it finds, so that it may name unix sockets; others could have any socket of this machine asked. */
  readonly namesSockets?: boolean;
  /** A finder for these arguments; nothing runs before its `run`. Throws where they cannot be carried out. */
  readonly find: (args: Arguments, context: FinderContext) => Finder;
}

/** A kind of component that finds targets in its own way and does the rest like all of them: see DiscoveryComponent. */
export function discoveryKind<Arguments>(options: DiscoveryKindOptions<Arguments>): ComponentKind<Arguments> {
  const { name, summary, schema, prepare, warnings, nodeLocal, namesSockets = false, find } = options;
  return {
    name,
    summary,
    schema,
    exports: "targets",
    ...(prepare && { prepare }),
    ...(warnings && { warnings }),
    ...(nodeLocal && { nodeLocal }),
    findTargets: (args, { signal, ...context }) => findOnce(args, { find, namesSockets, context, signal }),
    create: (args, context) => new DiscoveryComponent(args, { context, find, namesSockets }),
  };
}
