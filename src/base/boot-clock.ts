import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** The time since this machine started, which goes on while it sleeps and never jumps. */
export interface BootClock {
  /** Another after every start of the machine; empty where that cannot be told. */
  readonly id: string;
  nowMs(): number;
}

/** That of this machine. Only Linux tells one start from the next. */
export function systemBootClock(): BootClock {
  // The process clock counts finer than the system's seconds, but stands still while the machine sleeps.
  let aheadMs: number | undefined;
  return {
    get id() {
      bootId ??= readKernel("/proc/sys/kernel/random/boot_id");
      return bootId;
    },
    nowMs() {
      const processMs = performance.now();
      const sleptMs = uptime() * 1000 - processMs - (aheadMs ?? Number.NEGATIVE_INFINITY);
      if (aheadMs === undefined || sleptMs > toleranceMs) aheadMs = fineUptimeMs() - processMs;
      return aheadMs + processMs;
    },
  };
}

const toleranceMs = 100;

let bootId: string | undefined;

function fineUptimeMs(): number {
  const seconds = Number.parseFloat(readKernel("/proc/uptime"));
  return Number.isNaN(seconds) ? uptime() * 1000 : seconds * 1000;
}

/** A file that the kernel makes when it is read, so that it may be read at once; empty where there is none. */
function readKernel(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
