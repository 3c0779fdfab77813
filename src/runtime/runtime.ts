/** What the host of this process (Bun or Deno) does in its own way. */
export interface Runtime {
  readonly name: "bun" | "deno";
  readonly version: string;
  /** Listens and answers with `fetch`. Rejects with a ListenError. */
  serve(options: ServeOptions): Promise<Listener>;
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
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** How long `stop` lets requests in flight finish; 2 s by default. */
  readonly drainMs?: number;
}

export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /** Resolves when requests in flight are answered, cut after `drainMs`, and nothing listens. Does not wait for idle clients. */
  stop(): Promise<void>;
}

/** Objects of one class. */
export interface HeapObjects {
  readonly name: string;
  readonly count: number;
  /** Their own sizes, without what they point to. 0 throughout where the heap was too large to measure. */
  readonly bytes: number;
}
