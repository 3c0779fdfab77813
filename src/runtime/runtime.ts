/** What the host of this process (Bun or Deno) does in its own way. */
export interface Runtime {
  readonly name: "bun" | "deno";
  readonly version: string;
  /** Listens and answers with `fetch`. Rejects with a ListenError. */
  serve(options: ServeOptions): Promise<Listener>;
  /**
   * Locks the file for this process alone, made where there is none, without waiting; `undefined` where another has it. The kernel lets
   * go of it when the process ends, however it does. Rejects with what the system says.
   */
  lockFile(path: string): Promise<FileLock | undefined>;
  /** What lives on the heap, by class; blocks the event loop while it counts. Absent where node:inspector samples the heap. */
  readonly heapObjects?: () => Promise<readonly HeapObjects[]>;
}

export interface ServeOptions {
  /** An address or a name of this machine; IPv6 without brackets. */
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * Answers its own errors: what it throws, the host prints and turns into a 500. The request's signal aborts when its client goes.
   * An answer to HEAD has Content-Length, or Transfer-Encoding where the length is not known.
   */
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
  /** How long `stop` lets requests in flight finish; 2 s by default. */
  readonly drainMs?: number;
}

/** Who is at the other end of a connection. */
export interface Peer {
  /** `127.0.0.1`, `::1`, or `::ffff:127.0.0.1` where an IPv6 socket took the connection; absent where the client has gone already. */
  readonly remoteAddress?: string | undefined;
}

export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /** Resolves when requests in flight are answered, cut after `drainMs`, and nothing listens. Does not wait for idle clients. */
  stop(): Promise<void>;
}

/** A file that this process alone has. */
export interface FileLock {
  release(): Promise<void>;
}

/** Objects of one class. */
export interface HeapObjects {
  readonly name: string;
  readonly count: number;
  /** Their own sizes, without what they point to. 0 throughout where the heap was too large to measure. */
  readonly bytes: number;
}
