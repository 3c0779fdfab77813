/**
 * The time of something that happened at `atMs` by the right clock, as `timeMs` tells it by a clock that may have been `behindMs` behind: moved
 * along where that brings it nearer. Else whoever told the time has a clock of its own.
 */
export function timeByRightClock(
  timeMs: number,
  { atMs, behindMs }: { readonly atMs: number; readonly behindMs: number },
): number {
  const movedMs = timeMs + behindMs;
  return Math.abs(movedMs - atMs) < Math.abs(timeMs - atMs) ? movedMs : timeMs;
}
