import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ComponentKind } from "../../src/component/index.ts";
import { type DiscoveryStatus, labelsToJson, type Target, type TargetSource } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { createDataDirectory, type DataDirectory } from "../../src/storage/index.ts";
import { systemClock } from "../../src/base/index.ts";
import { eventually } from "../support/child.ts";
import { testContext } from "../support/context.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";

/** A discovery component that runs on the real clock, with a data directory of its own. */
export interface RunningDiscovery extends AsyncDisposable {
  readonly source: TargetSource;
  readonly log: MemoryLog;
  targets(): readonly Record<string, string>[];
  addresses(): readonly string[];
  status(): DiscoveryStatus;
  /** Resolves once exactly these addresses are exported, in any order. */
  untilAddresses(addresses: readonly string[]): Promise<void>;
  untilStatus(what: string, holds: (status: DiscoveryStatus) => boolean): Promise<DiscoveryStatus>;
  apply(written: unknown): void;
  metricsText(): Promise<string>;
  stop(): Promise<void>;
}

export interface DiscoveryTestOptions {
  /** The directory of the configuration file. */
  readonly directory?: string;
  /** Of the data directory, to be shared by several runs; a fresh one otherwise. */
  readonly storagePath?: string;
}

export function runDiscovery(
  kind: ComponentKind,
  written: unknown,
  { directory = tmpdir(), storagePath }: DiscoveryTestOptions = {},
): RunningDiscovery {
  const own = storagePath === undefined ? mkdtempSync(join(tmpdir(), "discovery-")) : undefined;
  const log = createMemoryLog();
  const metrics = createMetrics();
  const storage = createDataDirectory(storagePath ?? join(own as string, "data"), { clock: systemClock, log, metrics });
  const parse = (input: unknown): unknown => parseIn(directory, kind, input);
  const component = kind.create(parse(written), testContext({ id: `${kind.name}.test`, log, metrics, storage }));
  const stop = new AbortController();
  const ended = component.run(stop.signal);
  const source = component.exports.targets as TargetSource;
  const status = (): DiscoveryStatus => component.snapshot().discovery as DiscoveryStatus;
  const addresses = (): readonly string[] => addressesOf(source.current());
  const end = async (): Promise<void> => {
    stop.abort();
    await ended;
    await storage.close();
  };
  return {
    source,
    log,
    status,
    addresses,
    targets: () => source.current().map(labelsToJson),
    async untilAddresses(wanted) {
      const sorted = [...wanted].sort();
      try {
        await eventually("x", () => (JSON.stringify(addresses()) === JSON.stringify(sorted) ? true : undefined), 4000);
      } catch {
        throw new Error(
          `Expected ${JSON.stringify(sorted)}, found ${JSON.stringify(addresses())}: ${JSON.stringify(status())}`,
        );
      }
    },
    untilStatus: (what, holds) => eventually(what, () => (holds(status()) ? status() : undefined), 10_000),
    apply: (input) => component.applyConfig(parse(input)),
    metricsText: () => metrics.text(),
    stop: end,
    async [Symbol.asyncDispose]() {
      await end();
      if (own !== undefined) rmSync(own, { recursive: true });
    },
  };
}

/** The arguments that a table of a configuration file in that directory has; throws where it is wrong. */
export function parseIn<Arguments>(directory: string, kind: ComponentKind<Arguments>, written: unknown): Arguments {
  const context = { directory } as Parameters<(typeof kind.schema)["~run"]>[1];
  const { value, issues } = kind.schema["~run"]({ value: written }, context);
  if (issues) throw new Error(issues.map(({ message }) => message).join("; "));
  return value;
}

export function addressesOf(targets: readonly Target[]): readonly string[] {
  return targets.map((target) => labelsToJson(target)["__address__"] ?? "").sort();
}

/** The files that would be in a data directory. */
export interface MemoryStorage {
  readonly files: Map<string, string>;
  /** How often something was written. */
  readonly saves: () => number;
  readonly storage: DataDirectory;
}

/** A data directory without a disk, for a clock that is turned by hand. */
export function memoryStorage(files = new Map<string, string>()): MemoryStorage {
  let saves = 0;
  const storage: Pick<DataDirectory, "path" | "save" | "read" | "remove"> = {
    path: "/nonexistent",
    async save(name, parts) {
      saves++;
      files.set(name, Buffer.concat(parts).toString());
      return true;
    },
    async read(name) {
      const content = files.get(name);
      return content === undefined ? undefined : Buffer.from(content);
    },
    remove: async (name) => void files.delete(name),
  };
  return { files, saves: () => saves, storage: storage as DataDirectory };
}
