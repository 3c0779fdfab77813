import { type Clock, sleep } from "../base/index.ts";
import { compress } from "../pprof/index.ts";
import { encodeProfile, type Stack } from "./encode-profile.ts";
import { frameOf } from "./frame.ts";
import { type CallFrame, openInspector } from "./inspector.ts";
import type { CpuProfileOptions } from "./self-profile.ts";

// Go's rate too: 100 samples a second of running code.
const periodMs = 10;

/** What the inspector's CPU profiler returns (Chrome DevTools Protocol, Profiler.Profile), as far as it is used. */
export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  /** The node that was running, once per sample. */
  readonly samples?: readonly number[];
}

export interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** Records what this process does for `seconds`; gzipped pprof. */
export async function recordCpuProfile(options: CpuProfileOptions & { readonly clock: Clock }): Promise<Uint8Array> {
  const { clock } = options;
  const timeMs = clock.now();
  const startedMs = clock.monotonic();
  const profile = await sampleCpu(options);
  return compress(
    encodeProfile({
      sampleTypes: [
        { type: "samples", unit: "count" },
        { type: "cpu", unit: "nanoseconds" },
      ],
      periodType: { type: "cpu", unit: "nanoseconds" },
      period: periodMs * 1e6,
      timeMs,
      durationMs: clock.monotonic() - startedMs,
      stacks: cpuStacks(profile),
    }),
  );
}

async function sampleCpu({ clock, seconds, signal }: CpuProfileOptions & { clock: Clock }): Promise<CpuProfile> {
  const inspector = await openInspector();
  try {
    await inspector.post("Profiler.enable");
    await inspector.post("Profiler.setSamplingInterval", { interval: periodMs * 1000 });
    await inspector.post("Profiler.start");
    try {
      await sleep(clock, seconds * 1000, signal);
    } catch (thrown) {
      await inspector.post("Profiler.stop");
      throw thrown;
    }
    return (await inspector.post<{ profile: CpuProfile }>("Profiler.stop")).profile;
  } finally {
    inspector.close();
  }
}

/**
 * One stack per call path that was seen running, with the values [samples, nanoseconds]. Samples are counted and multiplied by
 * the period, as Go does; the recorded time deltas are not used, because Bun adds the time spent idle to the next sample's.
 */
export function* cpuStacks({ nodes, samples = [] }: CpuProfile): Generator<Stack> {
  const counts = new Map<number, number>();
  for (const id of samples) counts.set(id, (counts.get(id) ?? 0) + 1);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map<number, CpuProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  for (const [id, count] of counts) {
    const leaf = byId.get(id);
    if (!leaf || leaf.callFrame.functionName === "(idle)") continue;
    const frames = [];
    // The node without a parent is "(root)": no function, only the top of the tree.
    for (let node: CpuProfileNode | undefined = leaf; node; node = parents.get(node.id))
      if (parents.has(node.id)) frames.push(frameOf(node.callFrame));
    if (frames.length > 0) yield { frames, values: [count, count * periodMs * 1e6] };
  }
}
