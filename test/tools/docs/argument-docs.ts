import * as v from "valibot";

/** The parts of valibot's schemas that are looked at. */
interface Inside {
  readonly type: string;
  readonly wrapped?: v.GenericSchema;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly item?: v.GenericSchema;
  readonly value?: v.GenericSchema;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly { readonly kind: string; readonly type: string }[];
}

/** All that is said of one argument. */
export interface ArgumentDocs {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  /** As it would be written; absent where there is none. */
  readonly default?: unknown;
  readonly defaultText?: string;
  readonly description: string;
  readonly example?: unknown;
  /** Whether it is refused by this version. */
  readonly notYet: boolean;
  /** The arguments of the table that it is, or that it holds under names of the user's. */
  readonly inner?: { readonly path: string; readonly arguments: readonly ArgumentDocs[] };
}

/** The arguments of a table, in their order in the schema. */
export function argumentsOf(schema: v.GenericSchema): readonly ArgumentDocs[] {
  return Object.entries(inside(schema).entries ?? {}).map(([name, entry]) => docsOf(name, entry));
}

export function docsOf(name: string, entry: v.GenericSchema): ArgumentDocs {
  const { type, wrapped, default: standard } = inside(entry);
  const schema = type === "optional" && wrapped ? wrapped : entry;
  const { defaultText } = v.getMetadata(schema) as { defaultText?: string };
  const [example] = v.getExamples(schema) as readonly unknown[];
  const inner = innerTable(name, schema);
  return {
    name,
    type: typeOf(schema),
    required: type !== "optional",
    ...(standard !== undefined && { default: standard }),
    ...(defaultText !== undefined && { defaultText }),
    description: v.getDescription(schema) ?? "",
    ...(example !== undefined && { example }),
    notYet: isNotYet(schema),
    ...(inner && { inner }),
  };
}

function inside(schema: v.GenericSchema): Inside {
  return schema;
}

/** Whether the value is refused by this version unless it asks for what already happens. */
function isNotYet(schema: v.GenericSchema): boolean {
  const { pipe = [] } = inside(schema);
  return pipe.some(
    (item) =>
      item.type === "not_yet" || (item !== schema && item.kind === "schema" && isNotYet(item as v.GenericSchema)),
  );
}

function innerTable(name: string, schema: v.GenericSchema): ArgumentDocs["inner"] {
  const { entries, item, value, options = [] } = inside(schema);
  if (entries) return { path: name, arguments: argumentsOf(schema) };
  if (value) {
    const below = innerTable("NAME", value);
    return below && { ...below, path: `${name}.${below.path}` };
  }
  if (item) return innerTable(name, item);
  for (const option of options) {
    const found = typeof option === "object" ? innerTable(name, option as v.GenericSchema) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** The type in words. */
function typeOf(schema: v.GenericSchema): string {
  const named = (v.getMetadata(schema) as { typeName?: string }).typeName;
  if (named !== undefined) return named;
  const { type, item, value, options = [] } = inside(schema);
  switch (type) {
    case "array":
      return `list of ${plural(typeOf(item as v.GenericSchema))}`;
    case "record":
      return `table of ${plural(typeOf(value as v.GenericSchema))}`;
    case "strict_object":
      return "table";
    case "picklist":
      return options.map((option) => `\`"${String(option)}"\``).join(", ");
    case "union":
      return unionType(options as readonly v.GenericSchema[]);
    default:
      return type;
  }
}

function unionType(options: readonly v.GenericSchema[]): string {
  const [first, second] = options;
  // A list, or one where a list of one is meant.
  if (first && inside(first).type === "array") return `list of ${plural(typeOf(second as v.GenericSchema))}, or one`;
  const types = new Set(options.map(typeOf));
  // Numbers and booleans are taken where text is meant.
  if (types.has("string")) return "string";
  return [...types].join(" or ");
}

function plural(type: string): string {
  return type.startsWith("list") ? type.replace("list", "lists").replace(", or one", "") : `${type}s`;
}
