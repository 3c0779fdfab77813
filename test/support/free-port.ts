import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below what Linux hands out by itself (32768 and up): no connection and no listener at port 0 can come first. */
const range = { from: 20_000, to: 32_000 };

/** A port of 127.0.0.1 where nobody listens, for a process that must be told one. */
export async function freePort(): Promise<number> {
  for (let attempt = 1; attempt <= 50; attempt++) {
    const port = randomInt(range.from, range.to);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port from ${range.from} to ${range.to}`);
}

/** Whether this process can listen there, at every address. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "0.0.0.0", () => server.close(() => resolve(true)));
  });
}
