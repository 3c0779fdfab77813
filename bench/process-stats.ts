import { readFileSync } from "node:fs";

/** What Linux says of one process. Sizes in bytes. */
export interface ProcessMemory {
  readonly rss: number;
  /** Heap and stacks: what the process alone costs. */
  readonly anonymous: number;
  /** Mapped files, the executable mostly: shared and reclaimable. */
  readonly file: number;
}

// The unit of utime and stime is fixed for programs outside the kernel.
const tickMs = 10;

/** CPU time of the process so far, user and system, in milliseconds; in steps of 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The command's name is in parentheses and may hold spaces; the fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

export function processMemory(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { rss: kibibytes("VmRSS") * 1024, anonymous: kibibytes("RssAnon") * 1024, file: kibibytes("RssFile") * 1024 };
}

/** Reads the memory every second and keeps the highest values. */
export function watchMemory(pid: number): { stop(): { max: ProcessMemory; end: ProcessMemory } } {
  let end = processMemory(pid);
  let max = end;
  const read = (): void => {
    end = processMemory(pid);
    max = {
      rss: Math.max(max.rss, end.rss),
      anonymous: Math.max(max.anonymous, end.anonymous),
      file: Math.max(max.file, end.file),
    };
  };
  const timer = setInterval(read, 1000);
  return {
    stop() {
      clearInterval(timer);
      read();
      return { max, end };
    },
  };
}
