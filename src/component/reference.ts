/** What a component offers to others. */
export type ExportKind = "targets" | "receiver";

/** A mention of another component in an argument: the string `pyroscope.write.staging`, checked and parsed. */
export class Reference {
  /** The component id, without the suffix. */
  readonly id: string;
  /** What the argument needs the component to export. */
  readonly needs: ExportKind;

  constructor(id: string, needs: ExportKind) {
    this.id = id;
    this.needs = needs;
  }

  toJSON(): string {
    return this.id;
  }
}

/** Every reference inside parsed arguments, in order of appearance. */
export function referencesIn(value: unknown, found: Reference[] = []): Reference[] {
  if (value instanceof Reference) found.push(value);
  else if (Array.isArray(value)) for (const item of value) referencesIn(item, found);
  else if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) referencesIn(item, found);
  return found;
}
