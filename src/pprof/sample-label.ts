import { type Cursor, wire } from "./wire.ts";

/** Number of a sample's labels among its fields. */
export const sampleLabelField = 3;

/** String indexes of a label: 0 stands for what it does not have. */
export interface SampleLabel {
  readonly key: number;
  readonly text: number;
  readonly unit: number;
}

/** Reads the label of a sample that `next` found and goes on behind it. */
export function readLabel(
  cursor: Cursor,
  { sample, stringCount }: { readonly sample: number; readonly stringCount: number },
): SampleLabel {
  cursor.expect(wire.bytes, "label");
  const sampleEnd = cursor.end;
  const end = cursor.lengthEnd();
  const label = { key: 0, text: 0, unit: 0 };
  cursor.enter("label", sample, cursor.pos, end);
  while (cursor.next()) {
    if (cursor.field === 1) label.key = cursor.stringIndex(stringCount, "key");
    else if (cursor.field === 2) label.text = cursor.stringIndex(stringCount, "str");
    else if (cursor.field === 4) label.unit = cursor.stringIndex(stringCount, "num_unit");
    else cursor.skip();
  }
  cursor.enter("sample", sample, end, sampleEnd);
  // As `next` left it, so that the caller still knows what it was.
  cursor.field = sampleLabelField;
  return label;
}
