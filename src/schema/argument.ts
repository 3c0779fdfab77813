import * as v from "valibot";

/** What the reference page and the published schema say of one argument. */
export interface ArgumentDoc {
  /** One sentence, no full stop. */
  readonly description: string;
  /** As it would be written in the file. */
  readonly example?: unknown;
  /** The default in words, where it is no constant or filled in later. */
  readonly defaultText?: string;
}

/** Names the type of an argument for the reference page, where valibot's own name would not say it. */
export function typeName<Input>(name: string) {
  return v.metadata<Input, { readonly typeName: string }>({ typeName: name });
}

/** A required argument. */
export function argument<Schema extends v.GenericSchema>(schema: Schema, doc: ArgumentDoc): Schema {
  const { description, example, defaultText } = doc;
  const described = v.pipe(
    schema,
    v.description(description),
    v.metadata(defaultText === undefined ? {} : { defaultText }),
  );
  // Metadata changes neither input nor output.
  return (example === undefined ? described : v.pipe(described, v.examples([example]))) as unknown as Schema;
}

/** An argument that may be left out; `default` is what it then is, as it would be written in the file. */
export function optional<Schema extends v.GenericSchema, const Default extends v.InferInput<Schema>>(
  schema: Schema,
  doc: ArgumentDoc & { readonly default: Default },
): v.OptionalSchema<Schema, Default>;
export function optional<Schema extends v.GenericSchema>(
  schema: Schema,
  doc: ArgumentDoc,
): v.OptionalSchema<Schema, undefined>;
export function optional(schema: v.GenericSchema, doc: ArgumentDoc & { readonly default?: unknown }) {
  return v.optional(argument(schema, doc), doc.default);
}
