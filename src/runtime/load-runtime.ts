import { versions } from "node:process";
import type { Runtime } from "./runtime.ts";

/** The runtime of this process. Only its own module is loaded: the other's would not be found. */
export async function loadRuntime(): Promise<Runtime> {
  if (versions.bun) return (await import("./bun.ts")).bunRuntime;
  if (versions.deno) return (await import("./deno.ts")).denoRuntime;
  throw new Error(`Cannot run on Node ${versions.node}: the agent runs on Bun, on Deno and as its own binary`);
}
