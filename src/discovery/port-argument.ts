import * as v from "valibot";
import { number } from "../schema/index.ts";

export const largestPort = 65_535;

/** The number of a port. */
export function portNumber() {
  return v.pipe(
    number(1),
    v.maxValue(largestPort, ({ input }) => `a port is at most ${largestPort}, found ${input}`),
  );
}
