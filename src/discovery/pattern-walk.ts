import type { Dirent } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { join, matchesGlob, parse, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { limits } from "../base/index.ts";
import { DiscoveryError } from "./discovery-error.ts";

/** What patterns name. */
export interface NamedFiles {
  /** In order; whatever has such a name, if it is a file or not. */
  readonly files: readonly string[];
  /** Where more of them may appear: `/targets/*`, of a file that is not there its path, or that of the first directory that is not. */
  readonly places: readonly string[];
}

/**
 * The files that these absolute patterns name now. `*` and its like stand for what does not begin with a dot, `**` for directories and
 * not for links to them. Own code, because `glob` cannot be stopped, has no bound and does not tell where it looked. Rejects with a
 * DiscoveryError above a limit.
 */
export async function filesNamedBy(patterns: readonly string[], signal?: AbortSignal): Promise<NamedFiles> {
  const walk = { files: new Set<string>(), places: new Set<string>(), looks: { entries: 0 }, signal };
  for (const pattern of patterns) {
    const { root } = parse(pattern);
    const parts = pattern.slice(root.length).split(sep);
    await new PatternWalk(pattern, walk).follow(root, parts);
  }
  return { files: [...walk.files].sort(), places: [...walk.places] };
}

/** Names that are held against a pattern before others get their turn: some milliseconds. */
const namesAtOnce = 500;

interface PatternWalkOptions {
  readonly files: Set<string>;
  readonly places: Set<string>;
  /** Of all patterns together. */
  readonly looks: { entries: number };
  readonly signal: AbortSignal | undefined;
}

class PatternWalk {
  readonly #pattern: string;
  readonly #options: PatternWalkOptions;
  /** Where it has been, with how much of the pattern: several `**` lead to the same place in many ways. */
  readonly #followed = new Set<string>();

  constructor(pattern: string, options: PatternWalkOptions) {
    this.#pattern = pattern;
    this.#options = options;
  }

  /** Takes the directory for the part of the pattern before `parts`. */
  async follow(directory: string, parts: readonly string[]): Promise<void> {
    const place = `${parts.length} ${directory}`;
    if (this.#followed.has(place)) return;
    this.#followed.add(place);
    this.#options.signal?.throwIfAborted();
    const [part = "", ...rest] = parts;
    if (part === "**") await this.#followAny(directory, parts);
    else if (/[*?[{]/.test(part)) await this.#followMatches(directory, part, rest);
    else await this.#followName(directory, part, rest);
  }

  /** `**`: this directory and all below. */
  async #followAny(directory: string, parts: readonly string[]): Promise<void> {
    await this.follow(directory, parts.slice(1));
    for (const entry of await this.#entriesOf(directory))
      if (entry.isDirectory() && !entry.name.startsWith(".")) await this.follow(join(directory, entry.name), parts);
  }

  async #followMatches(directory: string, part: string, rest: readonly string[]): Promise<void> {
    for (const [at, entry] of (await this.#entriesOf(directory)).entries()) {
      if (at % namesAtOnce === namesAtOnce - 1) await setImmediate();
      if (!matches(entry.name, part)) continue;
      const path = join(directory, entry.name);
      if (rest.length === 0) this.#found(path);
      else if (entry.isDirectory() || entry.isSymbolicLink()) await this.follow(path, rest);
    }
  }

  async #followName(directory: string, name: string, rest: readonly string[]): Promise<void> {
    const path = join(directory, name);
    const there = await (rest.length === 0 ? lstat(path) : stat(path)).catch(() => undefined);
    if (there && rest.length > 0) return this.follow(path, rest);
    this.#options.places.add(path);
    if (there) this.#found(path);
  }

  #found(path: string): void {
    this.#options.files.add(path);
    if (this.#options.files.size > limits.discoveredFiles)
      throw this.#tooLarge(`they are more than ${limits.discoveredFiles}; name fewer`);
  }

  /** None of what is no directory or may not be read. */
  async #entriesOf(directory: string): Promise<readonly Dirent[]> {
    this.#options.places.add(join(directory, "*"));
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    this.#options.looks.entries += entries.length;
    if (this.#options.looks.entries > limits.discoveredFileEntries)
      throw this.#tooLarge(
        `more than ${limits.discoveredFileEntries} files and directories would have to be looked at; name the directories`,
      );
    return entries;
  }

  #tooLarge(problem: string): DiscoveryError {
    return new DiscoveryError("too_large", `Cannot read the files "${this.#pattern}": ${problem}`);
  }
}

function matches(name: string, part: string): boolean {
  return (!name.startsWith(".") || part.startsWith(".")) && matchesGlob(name, part);
}
