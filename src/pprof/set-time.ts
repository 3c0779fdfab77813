import { field } from "./layout.ts";
import { Cursor } from "./wire.ts";
import { Writer } from "./writer.ts";

const maxFieldBytes = 11;

/**
 * The same profile at another time, in milliseconds since 1970: with one `time_nanos`, whether it had none, one, or several. Nothing else
 * is touched. Throws PprofError where the outermost level cannot be read.
 */
export function setTime(raw: Uint8Array, timeMs: number): Uint8Array {
  const writer = new Writer(raw.length + maxFieldBytes);
  const cursor = new Cursor(raw);
  let copied = 0;
  for (let start = 0; cursor.next(); start = cursor.pos) {
    cursor.skip();
    if (cursor.field !== field.timeNanos) continue;
    writer.copy(raw, copied, start);
    copied = cursor.pos;
  }
  writer.copy(raw, copied, raw.length);
  const nanos = BigInt(Math.max(0, Math.round(timeMs))) * 1_000_000n;
  writer.number(field.timeNanos, Number(nanos & 0xffff_ffffn), Number(nanos >> 32n));
  return writer.finish();
}
