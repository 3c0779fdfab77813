import * as v from "valibot";
import { duration, flag, notYet, optional, size, table } from "../../schema/index.ts";

/** The arguments of `pyroscope.store` (DESIGN, `pyroscope.store`). */
export const storeArguments = table({
  max_bytes: optional(size(), {
    default: "64MiB",
    description: "What the stored profiles may take together; the oldest go first",
    example: "16MiB",
  }),
  max_age: optional(duration({ positive: true }), {
    default: "1h",
    description: "How long a profile is kept",
    example: "15m",
  }),
  persist: optional(
    v.pipe(flag(), notYet("keeping profiles on disk is", { unless: (on) => !on, advice: "leave it false" })),
    {
      default: false,
      description: "Whether profiles are kept in the storage path, over a restart",
      example: false,
    },
  ),
});

export type StoreArguments = v.InferOutput<typeof storeArguments>;
