import { versions } from "node:process";

/** Whether this process runs on Deno, for what only a look at the host can tell, such as the TLS versions that it speaks. */
export const isDeno = versions.deno !== undefined;
