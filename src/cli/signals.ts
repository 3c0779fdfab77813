import process from "node:process";
import type { Logger } from "../observability/index.ts";
import { exitCodes } from "./command.ts";

/** How long the agent may take to stop before it is cut off. */
const shutdownMs = 5000;
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * An AbortSignal for the first SIGINT or SIGTERM. A second one ends the process at once, and so does a shutdown that takes too
 * long; both lose what is still queued.
 */
export function untilSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  for (const [name, number] of Object.entries(signalNumbers)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + number);
      log.info("Stopping", { signal: name });
      controller.abort();
      // A bare timer and not the clock's: it must not keep a process alive that has nothing left to do.
      setTimeout(() => {
        log.error("Could not stop in time, ending now", { after_ms: shutdownMs });
        process.exit(exitCodes.failure);
      }, shutdownMs).unref();
    });
  }
  // Its default is to end the process: losing a queue to a closed terminal or to somebody's habit of reloading helps nobody.
  process.on("SIGHUP", () =>
    log.warn("Reloading is not carried out by this version; restart the agent", { signal: "SIGHUP" }),
  );
  return controller.signal;
}
