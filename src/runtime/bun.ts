import { heapStats } from "bun:jsc";
import { lockFile } from "./flock.ts";
import { listenError } from "./listen-error.ts";
import type { HeapObjects, Listener, Runtime, ServeOptions } from "./runtime.ts";
import { settlesWithin } from "./settles-within.ts";

// The longest that Bun.serve takes: a CPU profile of some minutes answers nothing until it is done.
const idleTimeoutSeconds = 255;

// Bun reads a body whole, whether or not anybody asks for it, and nothing here does.
const maxBodyBytes = 65_536;

// Measuring 570,000 objects blocked for 1.3 s and took 200 MB (Bun 1.4.5); counting them took 10 ms.
const maxMeasuredObjects = 200_000;

/** This process on Bun, or as a binary that `bun build --compile` made. */
export const bunRuntime: Runtime = {
  name: "bun",
  version: Bun.version,
  serve: async (options) => listen(options),
  lockFile,
  async heapObjects() {
    const counted = countObjects();
    // Summed, because heapStats().objectCount leaves out what came since the last collection.
    const count = counted.reduce((sum, one) => sum + one.count, 0);
    return count > maxMeasuredObjects ? counted : measureObjects();
  },
};

function listen({ hostname, port, fetch, drainMs = 2000 }: ServeOptions): Listener {
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      hostname,
      port,
      fetch: (request, bound) => fetch(withHost(request), { remoteAddress: bound.requestIP(request)?.address }),
      maxRequestBodySize: maxBodyBytes,
      idleTimeout: idleTimeoutSeconds,
      development: false,
      // Without development pages Bun turns it on, and a second agent would share the port without a word.
      reusePort: false,
    });
  } catch (thrown) {
    throw listenError(thrown, { hostname, port });
  }
  return {
    hostname,
    port: server.port ?? port,
    async stop() {
      if (!(await settlesWithin(server.stop(), drainMs))) await settlesWithin(server.stop(true), drainMs);
    },
  };
}

/** HTTP/1.0 needs no Host, and load balancers that check health send none; Bun's URL is then only a path. */
function withHost(request: Request): Request {
  return request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
}

function measureObjects(): HeapObjects[] {
  const { nodes, nodeClassNames } = Bun.generateHeapSnapshot();
  const classes = nodeClassNames.map((name) => ({ name, count: 0, bytes: 0 }));
  // Each node is four numbers: id, own size, class, flags.
  for (let at = 0; at + 3 < nodes.length; at += 4) {
    const found = classes[nodes[at + 2] as number];
    if (!found) continue;
    found.count++;
    found.bytes += nodes[at + 1] as number;
  }
  return classes.filter(({ count }) => count > 0);
}

function countObjects(): HeapObjects[] {
  return Object.entries(heapStats().objectTypeCounts).map(([name, count]) => ({ name, count, bytes: 0 }));
}
