/** How long to wait between attempts: the window starts at `minMs` and doubles up to `maxMs`. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * The wait before retry number `retry` (1 is the first), in milliseconds: uniformly random in [w/2, w], where the window w
 * is `minMs` doubled `retry` times and capped at `maxMs`. Random, so that thousands of boxes do not come back at once.
 */
export function backoffDelayMs(retry: number, options: BackoffOptions, random: () => number = Math.random): number {
  const { minMs, maxMs } = options;
  if (minMs >= maxMs) return minMs;
  const windowMs = Math.min(maxMs, minMs * 2 ** Math.min(retry, 52));
  return windowMs / 2 + (random() * windowMs) / 2;
}
