import { limits } from "../../base/index.ts";
import type { SkippedObjects } from "../skipped-objects.ts";

/**
 * The first `limits.containerPorts` ports; the rest is counted as skipped. Whoever exposes a range of thousands means no pprof by it, and would
 * take the room of all others.
 */
export function countedPorts<Port>(ports: readonly Port[], skipped: SkippedObjects): readonly Port[] {
  if (ports.length <= limits.containerPorts) return ports;
  skipped.add("too_many_ports", ports.length - limits.containerPorts);
  return ports.slice(0, limits.containerPorts);
}
