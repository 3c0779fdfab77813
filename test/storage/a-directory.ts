import { afterAll, afterEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BootClock, type Clock, systemClock } from "../../src/base/index.ts";
import { createMetrics, type Metrics } from "../../src/observability/index.ts";
import { createDataDirectory, type DataDirectory, type LostRecord, type SpoolLog } from "../../src/storage/index.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";

/** One file system for all tests of a file, gone when they end. */
const root = mkdtempSync(join(tmpdir(), "storage-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;

/** A path that nothing is at. */
export function freshPath(): string {
  made++;
  return join(root, `data-${made}`);
}

export interface DirectoryUnderTest extends DataDirectory {
  readonly log: MemoryLog;
  readonly metrics: Metrics;
}

/** A data directory as another process would have it; the real clock by default. */
export function directoryAt(path: string, options: { clock?: Clock; boot?: BootClock } = {}): DirectoryUnderTest {
  const { clock = systemClock, boot } = options;
  const [log, metrics] = [createMemoryLog(), createMetrics()];
  const directory = createDataDirectory(path, { clock, log, metrics, ...(boot && { boot }) });
  return Object.defineProperties({ log, metrics } as DirectoryUnderTest, Object.getOwnPropertyDescriptors(directory));
}

export interface LogUnderTest {
  readonly directory: DirectoryUnderTest;
  readonly log: SpoolLog;
  /** What `onLost` was told. */
  readonly lost: LostRecord[];
  /** Where its files are. */
  readonly files: string;
  /** Appends text at once, without waiting for the commit's timer. */
  readonly append: (text: string, owners?: readonly string[]) => Promise<number>;
  readonly text: (number: number) => Promise<string>;
}

const name = "pyroscope.write.staging";

/** An opened log in a data directory of its own, or in the one at `path`. */
export async function openLog(
  options: { path?: string; maxBytes?: number; clock?: Clock; boot?: BootClock } = {},
): Promise<LogUnderTest> {
  const { path = freshPath(), maxBytes = 64 * 1024 ** 2 } = options;
  const directory = directoryAt(path, options);
  const lost: LostRecord[] = [];
  const log = directory.spoolLog(name, { maxBytes, onLost: (one) => lost.push(one) });
  await log.open();
  return {
    directory,
    log,
    lost,
    files: join(path, "spool", name),
    async append(text, owners = ["a"]) {
      const number = log.append({ meta: bytes(`meta of ${text}`), data: bytes(text) }, owners);
      // The failure is the appender's.
      await log.flush().catch(() => {});
      return number;
    },
    text: async (number) => new TextDecoder().decode((await log.read(number)).data),
  };
}

/** `openLog` for a file of tests: what a test opened is closed when it ends. */
export function openedLogs(): typeof openLog {
  const open: LogUnderTest[] = [];
  afterEach(async () => {
    for (const { directory } of open.splice(0)) await directory.close();
  });
  return async (options) => {
    const one = await openLog(options);
    open.push(one);
    return one;
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Every record that the owner wants, in order. */
export function wanted(log: SpoolLog, owner = "a"): number[] {
  const numbers: number[] = [];
  for (let number = log.next(owner); number !== undefined; number = log.next(owner, number)) numbers.push(number);
  return numbers;
}

/** The value of a metric's line with these labels in it; 0 where there is none. */
export async function metric(metrics: Metrics, line: RegExp): Promise<number> {
  const found = (await metrics.text()).split("\n").find((one) => line.test(one));
  return found === undefined ? 0 : Number(found.slice(found.lastIndexOf(" ")));
}
