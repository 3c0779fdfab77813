import { formatDuration, systemClock } from "../base/index.ts";
import type { ComponentConfig, FoundTargets } from "../component/index.ts";
import { createLogger, createMetrics } from "../observability/index.ts";
import { userAgent } from "../version.ts";
import type { CliIo } from "./io.ts";

/** What one look of a component came to. */
export interface Found extends FoundTargets {
  readonly component: ComponentConfig;
}

export interface FindTargetsOptions {
  readonly timeoutMs: number;
  readonly io: CliIo;
}

/** Has every component that finds targets look once, all at the same time and no longer than `timeoutMs`. Nothing is kept on the disk. */
export async function findTargets(
  components: readonly ComponentConfig[],
  { timeoutMs, io }: FindTargetsOptions,
): Promise<readonly Found[]> {
  const finding = components.filter(({ kind }) => kind.findTargets !== undefined);
  if (finding.length === 0) return [];
  const ids = finding.map(({ id }) => id).join(", ");
  if (io.errIsTerminal) io.err(`Looking for targets with ${ids}, for ${formatDuration(timeoutMs)} at most\n`);
  const late = new AbortController();
  const timer = systemClock.after(timeoutMs, () => late.abort());
  const metrics = createMetrics();
  const log = createLogger({ level: "warn", format: "text", color: false, write: (text) => io.err(text) });
  try {
    return await Promise.all(
      finding.map(async (component): Promise<Found> => {
        const { id, kind, args } = component;
        const options = { id, clock: systemClock, metrics, userAgent, signal: late.signal };
        const found = await kind.findTargets?.(args, { ...options, log: log.with({ component: id }) });
        return { component, ...(found as FoundTargets) };
      }),
    );
  } finally {
    timer.cancel();
  }
}
