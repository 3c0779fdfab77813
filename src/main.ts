// The entry of the binary and of `bun src/main.ts`; commands live in cli/.
import process from "node:process";
import { endOnDefect, processIo, runCli } from "./cli/index.ts";

const argv = process.argv.slice(2);
const io = processIo();
endOnDefect({ argv, io });
process.exitCode = await runCli(argv, io);
