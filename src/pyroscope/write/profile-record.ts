import * as v from "valibot";
import { labelsFrom, type Profile } from "../../model/index.ts";
import type { SpoolRecord } from "../../storage/index.ts";

/** What a record says of its profile beside the bytes, as JSON. No credentials: they are added when it is sent. */
const metaSchema = v.object({
  id: v.string(),
  labels: v.array(v.tuple([v.string(), v.string()])),
  info: v.object({
    sampleTypes: v.array(v.object({ type: v.string(), unit: v.string() })),
    samples: v.number(),
    timeMs: v.number(),
    durationMs: v.number(),
    rawBytes: v.number(),
  }),
  scrapedAtMs: v.number(),
});

/** A profile as it is kept on disk. */
export function toRecord({ id, labels, info, scrapedAtMs, data }: Profile): SpoolRecord {
  const meta: v.InferInput<typeof metaSchema> = {
    id,
    labels: labels.map(({ name, value }) => [name, value]),
    info: { ...info, sampleTypes: [...info.sampleTypes] },
    scrapedAtMs,
  };
  return { meta: new TextEncoder().encode(JSON.stringify(meta)), data };
}

/** The profile of a record. Throws where it is not one of this version's. */
export function fromRecord({ meta, data }: SpoolRecord): Profile {
  const { labels, ...rest } = v.parse(metaSchema, JSON.parse(new TextDecoder().decode(meta)));
  return { ...rest, labels: labelsFrom(labels), data };
}
