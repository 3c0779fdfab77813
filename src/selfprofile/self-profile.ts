import type { Clock } from "../base/index.ts";
import type { HeapObjects } from "../runtime/index.ts";
import { SelfProfileError } from "./error.ts";
import { selfProfileLimits } from "./limits.ts";

export interface SelfProfileOptions {
  readonly clock: Clock;
  /** What lives on the heap, by class: `Runtime.heapObjects`. Absent where the inspector samples the heap itself (V8). */
  readonly heapObjects?: (() => Promise<readonly HeapObjects[]>) | undefined;
}

export interface CpuProfileOptions {
  /** How long to record: above 0, at most `selfProfileLimits.cpuSeconds`. */
  readonly seconds: number;
  /** Ends the recording early; nothing is returned then. */
  readonly signal?: AbortSignal | undefined;
}

/** Profiles of this process, each a gzipped pprof profile. Rejects with SelfProfileError, or the signal's reason. */
export interface SelfProfile {
  /** `samples/count` and `cpu/nanoseconds`, as Go's. Rejects with `cpu_busy` while another one is recorded. */
  cpu(options: CpuProfileOptions): Promise<Uint8Array>;
  /** `inuse_objects/count` and `inuse_space/bytes`, each only where the runtime knows it. At most `heapAgeMs` old. */
  heap(): Promise<Uint8Array>;
}

/** The profiler of this process. Make one: the inspector behind it has a single CPU profiler. */
export function createSelfProfile({ clock, heapObjects }: SelfProfileOptions): SelfProfile {
  let recording = false;
  let takeHeap: (() => Promise<Uint8Array>) | undefined;
  return {
    async cpu({ seconds, signal }) {
      // The words are Go's, so that scrapers recognise them and try again later.
      if (recording)
        throw new SelfProfileError("cpu_busy", "Cannot record a CPU profile: cpu profiling already in use");
      recording = true;
      try {
        const { recordCpuProfile } = await import("./cpu.ts");
        return await recordCpuProfile({ clock, seconds, signal });
      } finally {
        recording = false;
      }
    },
    heap: keptFor(selfProfileLimits.heapAgeMs, clock, async () => {
      const { createHeapProfiler } = await import("./heap.ts");
      takeHeap ??= createHeapProfiler({ clock, heapObjects });
      return takeHeap();
    }),
  };
}

/** Calls `make` at most once in `ageMs` and hands out its result in between, to concurrent callers too; never a failure. */
function keptFor<T>(ageMs: number, clock: Clock, make: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  let madeMs = 0;
  return () => {
    if (kept && clock.monotonic() - madeMs < ageMs) return kept;
    madeMs = clock.monotonic();
    const making = make();
    kept = making;
    making.catch(() => {
      if (kept === making) kept = undefined;
    });
    return making;
  };
}
