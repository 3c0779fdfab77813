/**
 * pprof: bytes in, verdict or bytes out.
 *
 * Flow of a scrape: `decodeBody` (unpack, layer by layer, with a ceiling) → `validate`, or `computeDelta` where the agent subtracts, which
 * validates too → `compress`. `clampNegatives` follows a delta that the target computed; `setTime` dates a profile anew and `relabelSamples`
 * gives its samples other labels; `merge` joins stored ones.
 *
 * Constraints: input is hostile. Time and memory are linear in its size, nothing but PprofError is thrown, and no number in
 * it sizes an allocation. 64-bit values stay exact without BigInt (but in `merge`, `setTime` and in messages). Input is never changed.
 * Does not symbolise, does not rename, and keeps no state but scratch memory (`arrays.ts`): a delta baseline is handed in and a new
 * one handed out.
 */
export { clampNegatives } from "./clamp-negatives.ts";
export { compress } from "./compress.ts";
export { type Decoded, decodeBody, type DecodeOptions } from "./decode-body.ts";
export type { Baseline } from "./baseline.ts";
export { computeDelta, type DeltaOptions, type DeltaResult } from "./delta.ts";
export { describeProfile, type ProfileDescription } from "./describe-profile.ts";
export { merge, mergeInSteps } from "./merge.ts";
export { PprofError, type PprofReason } from "./pprof-error.ts";
export { type RelabelledSamples, relabelSamples, type SampleLabels } from "./relabel-samples.ts";
export { decodeBaseline, encodeBaseline } from "./saved-baseline.ts";
export { setTime } from "./set-time.ts";
export { validate } from "./validate.ts";
