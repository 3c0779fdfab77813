import process from "node:process";
import { processIo } from "../../src/cli/index.ts";

/** A program that logs far more than anybody reads, says on standard output how much was taken, and is told to end. */
const io = processIo();
const line = `${"x".repeat(199)}\n`;
let [taken, dropped] = [0, 0];
for (let at = 0; at < 50_000; at++) {
  if (io.err(line) === false) dropped++;
  else taken++;
}
io.out(`${JSON.stringify({ taken, dropped })}\n`);
// What an agent that is told to stop does at the end.
process.exitCode = 0;
io.endSoon?.(0);
