import type { EndpointArguments } from "./pusher.ts";

const kibibyte = 1024;
// Servers refuse what is older (reference 5.3), so that a longer wait only delays the loss.
const serverWindowMs = 3_600_000;
const smallestMemory = 64 * kibibyte;
// One segment of the log.
const smallestDisk = 256 * kibibyte;
const defaultDisk = 256 * kibibyte * kibibyte;
const manyInFlight = 100;

/** What is legal in a `queue` table and probably not meant. */
export function queueWarnings(queue: EndpointArguments["queue"]): readonly string[] {
  const { durability, max_memory: memory, max_disk: disk, max_age: age, max_in_flight: inFlight } = queue;
  const keeps = durability !== "memory";
  return [
    age.ms > serverWindowMs && `queue.max_age is ${age}, but servers refuse profiles older than 1h by default`,
    memory.bytes < smallestMemory &&
      `queue.max_memory is ${memory}: many profiles are larger than that, and would be dropped`,
    keeps && disk.bytes < smallestDisk && `queue.max_disk is ${disk}: the least that can be of use is 256KiB`,
    keeps &&
      disk.bytes < memory.bytes &&
      `queue.max_disk (${disk}) is below queue.max_memory (${memory}), and is what bounds the queue in an outage`,
    !keeps && disk.bytes !== defaultDisk && 'queue.max_disk has no effect with durability = "memory"',
    inFlight > manyInFlight && `queue.max_in_flight is ${inFlight}: so many requests at once harm the server; 8 do`,
  ].filter((warning) => warning !== false);
}
