import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { renamedKinds } from "../../../src/component/index.ts";
import { settings } from "../../../src/config/index.ts";
import { docsOf } from "./argument-docs.ts";
import type { DocumentedKind } from "./documented-kinds.ts";

/** The JSON schema of a whole configuration: what an editor needs to complete and check a file as it is written. */
export function configJsonSchema(kinds: readonly DocumentedKind[]): JsonSchema {
  const { server, storage, logging, cluster } = settings;
  const groups = new Map<string, Record<string, JsonSchema>>();
  const renamed = Object.entries(renamedKinds).flatMap(([name, current]) =>
    kinds.filter((kind) => kind.name === current).map((kind) => ({ ...kind, name })),
  );
  for (const { name, summary, schema } of [...kinds, ...renamed]) {
    const [group = "", kind = ""] = name.split(".");
    const labelled = { "^[A-Za-z_][A-Za-z0-9_]*$": convert(schema) };
    const table = {
      type: "object" as const,
      description: summary,
      patternProperties: labelled,
      additionalProperties: false,
    };
    groups.set(group, { ...groups.get(group), [kind]: table });
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "pprof-agent configuration",
    type: "object",
    properties: {
      $schema: { type: "string" },
      server: convert(server),
      storage: convert(storage),
      logging: convert(logging),
      cluster: convert(cluster),
      ...Object.fromEntries(
        [...groups].map(([group, properties]) => [group, { type: "object", properties, additionalProperties: false }]),
      ),
    },
    additionalProperties: false,
  };
}

function convert(schema: v.GenericSchema): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    typeMode: "input",
    // Checks between arguments have no counterpart: the agent itself makes them.
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if (valibotSchema.type === "bigint") return { type: "integer" };
      const { entries } = valibotSchema as unknown as { entries?: Readonly<Record<string, v.GenericSchema>> };
      return entries ? { ...jsonSchema, properties: described(jsonSchema.properties ?? {}, entries) } : undefined;
    },
  });
  return converted;
}

/** The properties with what is said of each argument, which the conversion loses behind a transformation. */
function described(
  properties: Readonly<Record<string, unknown>>,
  entries: Readonly<Record<string, v.GenericSchema>>,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => {
      const { defaultText: _, typeName: __, ...property } = properties[name] as Record<string, unknown>;
      const { description, example, notYet } = docsOf(name, entry);
      const said = {
        ...(description !== "" && {
          description: notYet ? `${description} (not carried out by this version)` : description,
        }),
        ...(example !== undefined && { examples: [example] }),
      };
      return [name, { ...property, ...said } as JsonSchema];
    }),
  );
}
