// Appends a record, settles one and saves a file in the directory at argv[2]; says on stdout, in one system call each, what was promised.
import { writeSync } from "node:fs";
import process from "node:process";
import { systemClock } from "../../src/base/index.ts";
import { createMetrics, silentLogger } from "../../src/observability/index.ts";
import { createDataDirectory } from "../../src/storage/index.ts";

const options = { clock: systemClock, log: silentLogger, metrics: createMetrics() };
const directory = createDataDirectory(process.argv[2] as string, options);
const log = directory.spoolLog("pyroscope.write.staging", { maxBytes: 1e6, onLost() {} });
const record = { meta: new Uint8Array(10), data: new Uint8Array(1000) };
const say = (what: string): void => void writeSync(1, `promised: ${what}\n`);

await log.append(record, ["a", "b"]);
say("first record");
const second = await log.append(record, ["a"]);
say("second record");
log.settle(second, "a");
await log.flush();
say("settled");
await directory.save("file", [record.data]);
say("file");
await directory.close();
