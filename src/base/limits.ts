const mebibyte = 1024 ** 2;

/** Every bound that has no argument in the configuration, by name. What exceeds one is refused, named and counted. */
export const limits = {
  /** An uncompressed profile; `body_size_limit` of a scrape component sets another. Servers accept 4 MiB by default. */
  profileBytes: 32 * mebibyte,
  /** What is kept of a response that is an error: enough for the server's own words. */
  errorBodyBytes: 2048,
  /** Labels of one target, and the length of one of their values. */
  targetLabels: 256,
  labelValueLength: 4096,
  /** What the delta baselines of one (target, type), and of all together, may occupy. */
  baselineBytes: 4 * mebibyte,
  baselinesBytes: 64 * mebibyte,
  /** How long the baseline of a target that is no longer scraped is kept. */
  baselineAgeMs: 3_600_000,
  /** Hops of one request. */
  redirects: 10,
  /** The headers of one response. */
  responseHeaderBytes: 65_536,
  /** Connections that one HTTP client keeps open between requests: to one host and port, in all, and for how long. */
  idleConnectionsPerHost: 8,
  idleConnections: 4096,
  idleConnectionMs: 90_000,
  /** Making a connection that several requests wait for; each has its own deadline beside it. */
  connectMs: 30_000,
  /** Looks at the certificates of servers that TLS failed with: how many are remembered, for how long, and how long one may take. */
  tlsExplanations: 1000,
  tlsExplanationMs: 300_000,
  tlsExplanationTimeoutMs: 5000,
  /** Files that hold a secret, and files of certificates and keys. */
  secretFileBytes: 65_536,
  tlsFileBytes: mebibyte,
  /** One OAuth2 token request: its response and its deadline. */
  tokenResponseBytes: mebibyte,
  tokenRequestMs: 10_000,
  /** The waits after a token request that failed, and the least time between two that a refused token asked for. */
  tokenBackoff: { minMs: 500, maxMs: 30_000 },
  refusedTokenMs: 30_000,
} as const;
