import * as v from "valibot";
import { Bell, errorMessage, WatchedDirectories } from "../base/index.ts";
import { argument, duration, filePath, found, oneOrMany, optional, table } from "../schema/index.ts";
import { decidingDirectories } from "./deciding-directories.ts";
import { discoveryKind } from "./discovery-kind.ts";
import type { Finder, FinderContext } from "./finder.ts";
import { KnownFiles } from "./known-files.ts";
import { filesNamedBy } from "./pattern-walk.ts";
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
    try {
      const named = await filesNamedBy([pattern]);
      if (named.files.length === 0)
        warnings.push(`${id}: no file is named "${pattern}" now; its targets are found once one is`);
      for (const path of named.files) {
        const problem = await fileProblem(path);
        if (problem !== undefined) warnings.push(`${id}: ${problem}`);
      }
    } catch (thrown) {
      warnings.push(`${id}: ${errorMessage(thrown)}`);
    }
  }
  return warnings;
}

async function fileProblem(path: string): Promise<string | undefined> {
  try {
    await (await readTargetFile(path)).parse();
    return undefined;
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

/** Whoever writes a file in place writes it in pieces, and whoever writes several files wants them read together. */
const quietMs = 100;
/** Of a directory in which something always happens, the files are looked at all the same. */
const longestUnrestMs = 2000;
/** Where many directories are walked through, that takes a tenth of the time at most, whatever happens in them. */
const restPerWalk = 9;

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
      let restMs = 0;
      const walk = async (): Promise<readonly string[]> => {
        const startMs = clock.monotonic();
        try {
          return await watchedFiles(files, directories, signal);
        } finally {
          restMs = restPerWalk * (clock.monotonic() - startMs);
        }
      };
      while (!signal.aborted) {
        await lookOnce(async (_signal, noting) => known.read(await walk(), noting), { signal, report });
        const unrest = { quietMs: Math.max(quietMs, restMs), longestMs: Math.max(longestUnrestMs, restMs) };
        await bell.untilQuiet({ withinMs: jittered(refresh_interval.ms), ...unrest }, signal);
      }
      directories.close();
    },
  };
}

/** How often it is looked what patterns name, while new directories are found on the way. */
const mostWalks = 3;

/** The files that patterns name, once all directories are watched in which that may change: what came before a watch began is looked for again. */
async function watchedFiles(
  patterns: readonly string[],
  watched: WatchedDirectories,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (let walks = 1; ; walks++) {
    const { files, places } = await filesNamedBy(patterns, signal);
    const hasNew = await watched.renew(await decidingDirectories([...places, ...files]));
    if (!hasNew || walks === mostWalks) return files;
  }
}
