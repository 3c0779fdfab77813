import process from "node:process";
import { endOnDefect, processIo } from "../../src/cli/index.ts";

/** A program in which something goes wrong that nobody foresaw: `reject` or `throw`. */
endOnDefect({ argv: [], io: processIo() });
const boom = new TypeError("boom");
if (process.argv[2] === "reject") void Promise.reject(boom);
else
  setTimeout(() => {
    throw boom;
  }, 1);
// Goes on, unless it is ended.
setTimeout(() => {}, 10_000);
