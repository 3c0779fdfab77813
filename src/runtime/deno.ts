import { listenError } from "./listen-error.ts";
import type { Listener, Runtime, ServeOptions } from "./runtime.ts";
import { settlesWithin } from "./settles-within.ts";

interface DenoServer {
  readonly addr: { readonly hostname: string; readonly port: number };
  shutdown(): Promise<void>;
  unref(): void;
}

interface DenoServeOptions {
  readonly hostname: string;
  readonly port: number;
  /** Called instead of printing the address. */
  onListen(): void;
}

/** As much of Deno's global as is used here. */
declare const Deno: {
  readonly version: { readonly deno: string };
  serve(options: DenoServeOptions, handler: ServeOptions["fetch"]): DenoServer;
};

/** This process on Deno. */
export const denoRuntime: Runtime = {
  name: "deno",
  version: Deno.version.deno,
  serve: async (options) => listen(options),
};

function listen({ hostname, port, fetch, drainMs = 2000 }: ServeOptions): Listener {
  let server: DenoServer;
  try {
    server = Deno.serve({ hostname, port, onListen() {} }, (request) => fetch(request));
  } catch (thrown) {
    throw listenError(thrown, { hostname, port });
  }
  return {
    hostname,
    port: server.addr.port,
    async stop() {
      // Aborting the server after shutdown() is an uncaught error in Deno 2.9, so a request that outlasts the drain is left
      // to end with the process, which it does not keep alive.
      if (!(await settlesWithin(server.shutdown(), drainMs))) server.unref();
    },
  };
}
