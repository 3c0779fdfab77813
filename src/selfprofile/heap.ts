import type { Clock } from "../base/index.ts";
import { compress } from "../pprof/index.ts";
import type { HeapObjects } from "../runtime/index.ts";
import { encodeProfile, type Frame, type Stack } from "./encode-profile.ts";
import { frameOf } from "./frame.ts";
import { type CallFrame, type Inspector, openInspector } from "./inspector.ts";
import type { SelfProfileOptions } from "./self-profile.ts";

// Go's 512 KiB, or V8's 32, would leave the profile of so small a heap empty for the first scrapes.
const samplingBytes = 8 * 1024;

const objects = { type: "inuse_objects", unit: "count" };
const space = { type: "inuse_space", unit: "bytes" };
const periodType = { type: "space", unit: "bytes" };

/** What takes memory profiles of this process, gzipped pprof: from the runtime's hook, or from V8 where there is none. */
export function createHeapProfiler({ clock, heapObjects }: SelfProfileOptions): () => Promise<Uint8Array> {
  return heapObjects ? async () => profileOfClasses(await heapObjects(), clock.now()) : createSampler(clock);
}

/** Live memory by class, one frame deep: JavaScriptCore knows what lives, not who allocated it. */
function profileOfClasses(classes: readonly HeapObjects[], timeMs: number): Uint8Array {
  // A heap that is too large to be measured is counted only; zeros would say that it is empty.
  const measured = classes.some(({ bytes }) => bytes > 0);
  const stacks = classes.map(({ name, count, bytes }) => ({
    frames: [{ name: name || "(anonymous)", file: "", line: 0 }],
    values: measured ? [count, bytes] : [count],
  }));
  const sampleTypes = measured ? [objects, space] : [objects];
  return compress(encodeProfile({ sampleTypes, periodType, period: 1, timeMs, stacks }));
}

/** What V8's sampling heap profiler returns (Chrome DevTools Protocol, HeapProfiler.SamplingHeapProfileNode). */
export interface HeapProfileNode {
  readonly callFrame: CallFrame;
  /** Bytes allocated here that live, scaled up from the samples. */
  readonly selfSize: number;
  readonly children: readonly HeapProfileNode[];
}

/**
 * Live memory by allocation stack, sampled by V8. Only allocations after the first call are known: that call starts the
 * sampling, which then goes on for the life of the process (it costs next to nothing).
 */
function createSampler(clock: Clock): () => Promise<Uint8Array> {
  let sampler: Inspector | undefined;
  return async () => {
    const timeMs = clock.now();
    sampler ??= await startSampling();
    const { profile } = await sampler.post<{ profile: { head: HeapProfileNode } }>("HeapProfiler.getSamplingProfile");
    const stacks = heapStacks(profile.head);
    return compress(encodeProfile({ sampleTypes: [space], periodType, period: samplingBytes, timeMs, stacks }));
  };
}

async function startSampling(): Promise<Inspector> {
  const inspector = await openInspector();
  try {
    await inspector.post("HeapProfiler.enable");
    await inspector.post("HeapProfiler.startSampling", { samplingInterval: samplingBytes });
    return inspector;
  } catch (thrown) {
    inspector.close();
    throw thrown;
  }
}

/** One stack per allocating call path, with the value [bytes]. */
export function* heapStacks(node: HeapProfileNode, callers: readonly Frame[] = []): Generator<Stack> {
  for (const child of node.children) {
    const frames = [frameOf(child.callFrame), ...callers];
    if (child.selfSize > 0) yield { frames, values: [child.selfSize] };
    yield* heapStacks(child, frames);
  }
}
