import type { JsonSchema } from "@valibot/to-json-schema";

/** The same JSON schema, with every table that occurs more than once written once, below `definitions`. */
export function shareDefinitions(schema: JsonSchema): JsonSchema {
  const counts = new Map<string, number>();
  visit(schema, (table) => counts.set(textOf(table), (counts.get(textOf(table)) ?? 0) + 1));
  const names = new Map<string, string>();
  const definitions: Record<string, unknown> = {};
  const replace = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => replace(item, key));
    if (!isObject(value)) return value;
    const inner = (): unknown =>
      Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replace(item, name)]));
    const text = textOf(value);
    if (!isTable(value) || (counts.get(text) ?? 0) < 2) return inner();
    let name = names.get(text);
    if (name === undefined) {
      name = freeName(key, definitions);
      names.set(text, name);
      definitions[name] = inner();
    }
    return { $ref: `#/definitions/${name}` };
  };
  const shared = replace(schema, "configuration") as JsonSchema;
  return { ...shared, definitions: definitions as Record<string, JsonSchema> };
}

function visit(value: unknown, see: (table: object) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, see);
  if (!isObject(value)) return;
  if (isTable(value)) see(value);
  for (const item of Object.values(value)) visit(item, see);
}

/** `queue`, or `queue_2` where another table of that name has it. */
function freeName(key: string, taken: Readonly<Record<string, unknown>>): string {
  const base = /^\w+$/.test(key) ? key : "component";
  let name = base;
  for (let number = 2; Object.hasOwn(taken, name); number++) name = `${base}_${number}`;
  return name;
}

function isTable(value: Readonly<Record<string, unknown>>): boolean {
  return value.type === "object" && isObject(value.properties);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: object): string {
  return JSON.stringify(value);
}
