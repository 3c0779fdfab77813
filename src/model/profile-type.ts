/** How a profile type is scraped unless the configuration says otherwise. One row of the table below is one type. */
export interface ProfileType {
  /** Name of the block in the configuration: `profile.memory`. */
  readonly name: string;
  /** `__name__` of the series it is pushed as. */
  readonly seriesName: string;
  readonly path: string;
  readonly enabled: boolean;
  /** Whether the request carries `seconds`, so that the target profiles for that long or computes a delta itself. */
  readonly delta: boolean;
  /** Whether it counts what happens during `seconds`; others, asked with `seconds`, answer the difference of two states. */
  readonly timed: boolean;
  /** Whether the block has a `delta` argument; the godeltaprof types have none. */
  readonly deltaArgument: boolean;
  /** Columns that grow over the life of the process and that the agent turns into deltas (`delta = false` only). */
  readonly cumulative: readonly string[];
  /** Who makes the values a delta: the plain type that this one replaces. */
  readonly replaces?: string;
}

const allocations = ["alloc_objects/count", "alloc_space/bytes"] as const;
const contentions = ["contentions/count", "delay/nanoseconds"] as const;

function plain(name: string, path: string, cumulative: readonly string[] = []): ProfileType {
  return { name, seriesName: name, path, enabled: true, delta: false, timed: false, deltaArgument: true, cumulative };
}

function godeltaprof(replaces: string, path: string): ProfileType {
  const name = `godeltaprof_${replaces}`;
  return { ...plain(name, path), seriesName: replaces, enabled: false, deltaArgument: false, replaces };
}

/** The truth about the built-in profile types (seed 002; DESIGN, Decisions). Configuration, scrape, docs all read it. */
export const profileTypes: readonly ProfileType[] = [
  plain("memory", "/debug/pprof/allocs", allocations),
  plain("block", "/debug/pprof/block", contentions),
  plain("goroutine", "/debug/pprof/goroutine"),
  plain("mutex", "/debug/pprof/mutex", contentions),
  { ...plain("process_cpu", "/debug/pprof/profile"), delta: true, timed: true },
  { ...plain("fgprof", "/debug/fgprof"), enabled: false, delta: true, timed: true },
  godeltaprof("memory", "/debug/pprof/delta_heap"),
  godeltaprof("mutex", "/debug/pprof/delta_mutex"),
  godeltaprof("block", "/debug/pprof/delta_block"),
];

/** A built-in type by its name. */
export function profileTypeNamed(name: string): ProfileType | undefined {
  return profileTypes.find((type) => type.name === name);
}
