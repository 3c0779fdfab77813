import { glob, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { Bell, errorMessage, limits, WatchedDirectories } from "../base/index.ts";
import type { Target } from "../model/index.ts";
import { argument, duration, filePath, found, oneOrMany, optional, table } from "../schema/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { discoveryKind } from "./discovery-kind.ts";
import type { Finder, FinderContext, Report } from "./finder.ts";
import { jittered, lookOnce } from "./polling.ts";
import { readTargetFile, targetFileExtensions } from "./target-file.ts";

const fileDiscoveryArguments = table({
  files: argument(
    v.pipe(
      oneOrMany(
        v.pipe(
          filePath(),
          v.check(
            (pattern) => targetFileExtensions.some((extension) => pattern.toLowerCase().endsWith(extension)),
            ({ input }) => `expected a path that ends in ${targetFileExtensions.join(", ")}, found ${found(input)}`,
          ),
        ),
      ),
      v.check((files) => files.length > 0, "at least one file is needed"),
    ),
    {
      description: "The files, JSON, YAML or TOML; `*`, `?`, `[…]` and `**` stand for many",
      example: ["targets/*.yaml"],
    },
  ),
  refresh_interval: optional(duration({ positive: true }), {
    default: "5m",
    description: "How often the files are read even if nothing was heard of a change",
    example: "1m",
  }),
});

type FileDiscoveryArguments = v.InferOutput<typeof fileDiscoveryArguments>;

/** The kind `discovery.file` (reference 6.3): files with lists of groups of targets, read again whenever they change. */
export const fileKind = discoveryKind<FileDiscoveryArguments>({
  name: "discovery.file",
  summary: "Reads targets from files, again whenever one of them changes.",
  schema: fileDiscoveryArguments,
  warnings: fileWarnings,
  namesSockets: true,
  find: findInFiles,
});

/** Files that would not be read now. They may come later. */
async function fileWarnings(id: string, { files }: FileDiscoveryArguments): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const pattern of files) {
    const matches = await filesOf([pattern]).catch(() => []);
    if (matches.length === 0)
      warnings.push(`${id}: no file is named "${pattern}" now; its targets are found once one is`);
    for (const path of matches) {
      try {
        await (await readTargetFile(path)).parse();
      } catch (thrown) {
        warnings.push(`${id}: ${errorMessage(thrown)}`);
      }
    }
  }
  return warnings;
}

/** Whoever writes a file in place writes it in pieces, and whoever writes several files wants them read together. */
const quietMs = 100;
/** Of a directory in which something always happens, the files are looked at all the same. */
const longestUnrestMs = 2000;

function findInFiles({ files, refresh_interval }: FileDiscoveryArguments, { clock, log }: FinderContext): Finder {
  return {
    async run(signal, report) {
      const known = new KnownFiles();
      const bell = new Bell(clock);
      signal.addEventListener("abort", () => bell.ring(), { once: true });
      const directories = new WatchedDirectories({
        onEvent: () => bell.ring(),
        onFailure: (directory, why) =>
          log.warn("Cannot watch a directory; changes of targets are noticed later", { directory, why }),
      });
      const look: Parameters<typeof lookOnce>[0] = async (_signal, noting) => {
        // Before it is looked, so that nothing happens in between; and once more, for what was found.
        await directories.renew(await directoriesOf(files));
        const paths = await filesOf(files);
        await directories.renew([
          ...(await directoriesOf(files)),
          ...(await directoriesOf(paths)),
          ...(await targetsOfLinks(paths)),
        ]);
        await known.read(paths, noting);
      };
      while (!signal.aborted) {
        await lookOnce(look, { signal, report });
        await bell.untilQuiet({ withinMs: jittered(refresh_interval.ms), quietMs, longestMs: longestUnrestMs }, signal);
      }
      directories.close();
    },
  };
}

interface KnownFile {
  readonly hash: string;
  readonly targets: readonly Target[];
}

/** What was read of each file, so that only those that changed are parsed. */
class KnownFiles {
  readonly #files = new Map<string, KnownFile | undefined>();

  /** Reads these files and, to see whether they are gone, those of before; reports all of them together. */
  async read(paths: readonly string[], report: Report): Promise<void> {
    const reports: (() => void)[] = [];
    for (const path of new Set([...paths, ...this.#files.keys()])) {
      try {
        const { targets } = await this.#readOne(path);
        reports.push(() => report.found(path, targets));
      } catch (thrown) {
        const isGone = thrown instanceof DiscoveryError && thrown.reason === "missing";
        if (isGone) this.#files.delete(path);
        reports.push(() => (isGone ? report.gone(path) : report.failed(path, thrown)));
      }
    }
    for (const tell of reports) tell();
  }

  async #readOne(path: string): Promise<KnownFile> {
    const before = this.#files.get(path);
    // Also if it cannot be read, it is one of those whose end is to be noticed.
    this.#files.set(path, before);
    const file = await readTargetFile(path);
    const now = before?.hash === file.hash ? before : { hash: file.hash, targets: await file.parse() };
    this.#files.set(path, now);
    return now;
  }
}

/** The files that these patterns name now, in order. */
async function filesOf(patterns: readonly string[]): Promise<readonly string[]> {
  const paths = new Set<string>();
  for (const pattern of patterns) {
    for await (const path of glob(pattern)) paths.add(path);
    if (paths.size > limits.discoveredFiles)
      throw new DiscoveryError(
        "too_large",
        `Cannot read the files "${pattern}": they are more than ${limits.discoveredFiles}; name fewer`,
      );
  }
  return [...paths].sort();
}

/** Of each path, the directory that it is in, as far as that is named and exists: something new may appear there. */
async function directoriesOf(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all([...new Set(paths.map(namedDirectory))].map(existingDirectory));
}

/** The directory before the first part of the path that stands for many. */
function namedDirectory(path: string): string {
  const named = path.replace(/[^/]*[*?[].*$/, "");
  return named === path ? dirname(path) : dirname(`${named}x`);
}

async function existingDirectory(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  return there?.isDirectory() || path === dirname(path) ? path : existingDirectory(dirname(path));
}

/** The directories of what the paths link to. */
async function targetsOfLinks(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all(paths.map(async (path) => dirname(await realpath(path).catch(() => path))));
}
