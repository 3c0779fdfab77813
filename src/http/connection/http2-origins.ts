import type { Http2Session } from "./http2-session.ts";

/** An origin that was asked what it speaks. */
export interface Http2Origin {
  readonly name: string;
  /** Resolves when the TLS handshake of its first connection begins. */
  readonly handshake: Promise<void>;
  /** `undefined` where it does not speak HTTP/2. */
  readonly answer: Promise<Http2Session | undefined>;
  /** Ends the attempt to connect. */
  readonly attempt: AbortController;
  /** Requests that wait for the answer. */
  waiting: number;
  /** Once it is there. */
  session?: Http2Session | undefined;
}

/** Origins by name, of which so many are remembered as there may be; the one that was asked for longest ago goes first. */
export interface Http2Origins {
  find(name: string): Http2Origin | undefined;
  remember(origin: Http2Origin): void;
  /** Unless another one has taken its place. */
  forget(origin: Http2Origin): void;
  all(): Iterable<Http2Origin>;
}

export function createHttp2Origins(max: number): Http2Origins {
  const known = new Map<string, Http2Origin>();

  function remember(origin: Http2Origin): void {
    known.delete(origin.name);
    known.set(origin.name, origin);
    const [oldest] = known.values();
    if (known.size <= max || !oldest) return;
    forget(oldest);
    oldest.session?.retire();
  }

  function forget(origin: Http2Origin): void {
    if (known.get(origin.name) === origin) known.delete(origin.name);
  }

  return {
    find(name) {
      const origin = known.get(name);
      if (origin) remember(origin);
      return origin;
    },
    remember,
    forget,
    all: () => known.values(),
  };
}

export interface WaitOptions {
  /** Told when the TLS handshake begins. */
  readonly onHandshake: () => void;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** The answer of an origin. The attempt to get it ends with the last one who waits; `onLeft` is told of that first. */
export async function answerOf(
  origin: Http2Origin,
  { onHandshake, signal, onLeft }: WaitOptions & { readonly onLeft: () => void },
): Promise<Http2Session | undefined> {
  const leave = (): void => {
    if (--origin.waiting > 0) return;
    onLeft();
    origin.attempt.abort();
  };
  origin.waiting++;
  signal.addEventListener("abort", leave, { once: true });
  void origin.handshake.then(onHandshake);
  try {
    return await origin.answer;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
