/** What profiling the agent itself may cost. */
export const selfProfileLimits = {
  /** The longest CPU profile: Bun's listener closes a connection on which nothing came for 255 s. */
  cpuSeconds: 240,
  /** How long one memory profile is handed out again: on Bun, measuring 200,000 objects stops the agent for 0.7 s. */
  heapAgeMs: 10_000,
} as const;
