// The entry of the binary and of `bun src/main.ts`; commands live in cli/.
import process from "node:process";

process.exitCode = 2;
