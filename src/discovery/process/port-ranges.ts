import * as v from "valibot";
import { found, typeName } from "../../schema/index.ts";
import { largestPort } from "../port-argument.ts";

interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A port, or a range of them: `6060`, `"6060"`, `"6060-6069"`. */
export function portRange() {
  const expected = `expected a port such as 6060 or a range such as "6060-6069"`;
  return v.pipe(
    v.union([v.string(), v.number()], ({ input }) => `${expected}, found ${found(input)}`),
    v.transform(String),
    v.check(
      (written) => parsePortRange(written) !== undefined,
      ({ input }) => `${expected}, from 1 to ${largestPort}, found ${found(input)}`,
    ),
    typeName("port range"),
  );
}

/** Whether a port lies in one of these ranges, all written as `portRange` takes them. */
export function portMatcher(written: readonly string[]): (port: number) => boolean {
  const ranges = written.flatMap((range) => parsePortRange(range) ?? []);
  return (port) => ranges.some(({ first, last }) => first <= port && port <= last);
}

function parsePortRange(written: string): PortRange | undefined {
  const [whole, from, to = from] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(written) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return whole !== undefined && 1 <= first && first <= last && last <= largestPort ? { first, last } : undefined;
}

/**
 * Ports that are not looked at unless they are asked for: those below 1024, where hardly a profile is served, and those of well-known
 * servers that do not speak HTTP, some of which call a stray request an attack.
 */
export function isLikelyPort(port: number): boolean {
  return port >= 1024 && !otherProtocols.has(port);
}

const otherProtocols: ReadonlySet<number> = new Set([
  // Databases and caches.
  1433, 1521, 3306, 5432, 6379, 6380, 9042, 11_211, 26_379, 27_017, 33_060,
  // Queues and coordination.
  1883, 2181, 2377, 4222, 5671, 5672, 7946, 8883, 9092, 61_613, 61_616,
  // Files, screens, calls.
  2049, 3389, 5060, 5061, 5900, 6000,
  // Plants: Modbus, IEC 60870, OPC UA, DNP3, EtherNet/IP.
  1502, 2404, 4840, 20_000, 44_818,
]);
