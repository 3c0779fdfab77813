// Another agent, as far as the data directory can tell: holds the one at the path that is its argument, until it is killed.
import { systemClock } from "../../src/base/index.ts";
import { createMetrics, silentLogger } from "../../src/observability/index.ts";
import { createDataDirectory } from "../../src/storage/index.ts";

const [path = ""] = process.argv.slice(2);
const directory = createDataDirectory(path, { clock: systemClock, log: silentLogger, metrics: createMetrics() });
await directory.save("held", []);
console.log("held");
setInterval(() => {}, 1000);
