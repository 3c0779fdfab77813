// The entry of the binary and of `bun src/main.ts`; commands live in cli/.
import process from "node:process";
import { processIo, runCli } from "./cli/index.ts";

process.exitCode = await runCli(process.argv.slice(2), processIo());
