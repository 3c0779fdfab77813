import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** The profile types recorded from a Go program, ten successive profiles each. */
export const recordedTypes = ["allocs", "block", "goroutine", "mutex", "profile"] as const;
export type RecordedType = (typeof recordedTypes)[number];

/** The file of a recording, numbered from 1 to 10; gzipped pprof. */
export function recordingPath(type: RecordedType, number: number): string {
  return new URL(`../fixtures/recordings/${type}.${number}.pb.gz`, import.meta.url).pathname;
}

export function recording(type: RecordedType, number: number): Uint8Array {
  return new Uint8Array(readFileSync(recordingPath(type, number)));
}

/** A recording, inflated. */
export function rawRecording(type: RecordedType, number: number): Uint8Array {
  return new Uint8Array(gunzipSync(recording(type, number)));
}

/** The numbers 1 to 10. */
export const recordingNumbers: readonly number[] = Array.from({ length: 10 }, (_, index) => index + 1);
