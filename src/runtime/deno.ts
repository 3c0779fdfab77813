import { listenError } from "./listen-error.ts";
import type { FileLock, Listener, Runtime, ServeOptions } from "./runtime.ts";
import { settlesWithin } from "./settles-within.ts";

interface DenoServer {
  readonly addr: { readonly port: number };
  /** Resolves when no connection is left. */
  readonly finished: Promise<void>;
}

interface DenoServeOptions {
  readonly hostname: string;
  readonly port: number;
  /** Cuts every connection when it aborts. */
  readonly signal: AbortSignal;
  /** Called instead of printing the address. */
  onListen(): void;
}

interface DenoRequestInfo {
  /** Settles when the response is sent, or the client is gone. */
  readonly completed: Promise<void>;
  readonly remoteAddr: { readonly hostname: string };
}

type DenoHandler = (request: Request, info: DenoRequestInfo) => ReturnType<ServeOptions["fetch"]>;

interface DenoFile {
  /** Whether nobody else has the lock. */
  tryLock(exclusive: boolean): Promise<boolean>;
  close(): void;
}

/** As much of Deno's global as is used here. */
declare const Deno: {
  readonly version: { readonly deno: string };
  serve(options: DenoServeOptions, handler: DenoHandler): DenoServer;
  open(
    path: string,
    options: { readonly append: true; readonly create: true; readonly mode: number },
  ): Promise<DenoFile>;
};

/**
 * This process on Deno. deno.json turns on `no-legacy-abort`: without it the signal of a request also aborts when all went well, and Deno
 * writes a notice about that to standard error.
 */
export const denoRuntime: Runtime = {
  name: "deno",
  version: Deno.version.deno,
  serve: async (options) => listen(options),
  lockFile,
};

async function lockFile(path: string): Promise<FileLock | undefined> {
  const file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
  let locked = false;
  try {
    locked = await file.tryLock(true);
  } finally {
    if (!locked) file.close();
  }
  return locked ? { release: async () => file.close() } : undefined;
}

function listen({ hostname, port, fetch, drainMs = 2000 }: ServeOptions): Listener {
  const cut = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let server: DenoServer;
  try {
    server = Deno.serve({ hostname, port, signal: cut.signal, onListen() {} }, (request, { completed, remoteAddr }) => {
      const done = completed.catch(() => {}).finally(() => inFlight.delete(done));
      inFlight.add(done);
      const answer = fetch(request, { remoteAddress: remoteAddr.hostname });
      return request.method === "HEAD" ? headAnswer(answer) : answer;
    });
  } catch (thrown) {
    throw listenError(thrown, { hostname, port });
  }
  return {
    hostname,
    port: server.addr.port,
    async stop() {
      // Not shutdown(): once it was called, Deno 2.9 answers the abort with an uncaught error, so nothing could cut a
      // request that never ends.
      await settlesWithin(Promise.all(inFlight), drainMs);
      cut.abort();
      await settlesWithin(server.finished, drainMs);
    },
  };
}

/**
 * An answer to HEAD whose length is not known says so by Transfer-Encoding. Deno takes no notice of that and would add a length of 0,
 * but not to a stream.
 */
async function headAnswer(answer: ReturnType<ServeOptions["fetch"]>): Promise<Response> {
  const response = await answer;
  if (!response.headers.has("Transfer-Encoding")) return response;
  return new Response(new ReadableStream({ start: (stream) => stream.close() }), response);
}
