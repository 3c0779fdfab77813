import process from "node:process";
import type { ReloadTrigger } from "../agent.ts";
import { aborted } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import { exitCodes } from "./command.ts";

/** How long the agent may take to stop before it is cut off. */
const shutdownMs = 5000;
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * An AbortSignal for the first SIGINT or SIGTERM. A second one ends the process at once, and so does a shutdown that takes too
 * long; what is on disk by then is delivered at the next start.
 */
export function untilSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  for (const [name, number] of Object.entries(signalNumbers)) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        log.warn("A second signal ends the agent at once: what waits in memory and is not on disk yet is lost", {
          signal: name,
        });
        process.exit(128 + number);
      }
      log.info("Stopping", { signal: name });
      controller.abort();
      // A bare timer and not the clock's: it must not keep a process alive that has nothing left to do.
      setTimeout(() => {
        log.error("Could not stop in time, ending now", { after_ms: shutdownMs });
        process.exit(exitCodes.failure);
      }, shutdownMs).unref();
    });
  }
  return controller.signal;
}

/**
 * From the call on, SIGHUP asks for a reload and no longer ends the process, which is its default. One that comes before the agent runs
 * is remembered, later ones are ignored once it stops.
 */
export function catchHangups(): ReloadTrigger {
  let early = false;
  let onHangup = (): void => void (early = true);
  process.on("SIGHUP", () => onHangup());
  return async (reload, signal) => {
    onHangup = () => void reload("SIGHUP");
    if (early) onHangup();
    await aborted(signal);
    onHangup = () => {};
  };
}
