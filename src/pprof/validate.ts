import type { ProfileInfo } from "../model/index.ts";
import { withSharedArrays } from "./arrays.ts";
import { infoOf, readTables } from "./profile-tables.ts";
import { checkSamples } from "./sample-reader.ts";

/**
 * Checks everything that a server would reject a profile for (reference.md, 5.4) but its limits, which are each server's own.
 * Throws PprofError; the message names the field, its index, the byte, and what was there.
 */
export function validate(raw: Uint8Array): ProfileInfo {
  return withSharedArrays((arrays) => {
    const tables = readTables(raw, arrays);
    checkSamples(tables);
    return infoOf(tables);
  });
}
