import type { ComponentKind } from "./kind.ts";
import type { Reference } from "./reference.ts";

/** One component as the configuration asks for it: checked, its references known to lead somewhere. */
export interface ComponentConfig {
  /** `pyroscope.scrape.local` */
  readonly id: string;
  readonly kind: ComponentKind;
  /** The table as it stood in the file, environment expanded. Two equal ones mean that nothing changed. Holds secrets. */
  readonly raw: unknown;
  /** What the kind's schema made of it. */
  readonly args: unknown;
  /** Every reference inside `args`. */
  readonly references: readonly Reference[];
}
