import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import type { ReloadTrigger } from "../agent.ts";
import { Bell, type Clock, errorMessage, WatchedDirectories } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";

// Whoever writes a file in place writes it in pieces, of which the first may well be a configuration.
const quietMs = 500;
// Of a directory in which something always happens, the file is looked at all the same.
const longestUnrestMs = 5000;
// Network file systems tell nothing of what others write.
const pollMs = 30_000;

export interface WatchFileOptions {
  /** SHA-256 of the content that is in force now, whoever asked for that. */
  readonly hash: () => string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Asks for a reload whenever the file's content is another than at the last look; what happens in its directory is a reason to look and
 * no more. A file that cannot be read is another content, one that is empty is being written.
 */
export function watchFile(path: string, { hash, clock, log }: WatchFileOptions): ReloadTrigger {
  return async (reload, signal) => {
    const bell = new Bell(clock);
    const directories = new WatchedDirectories({
      onEvent: () => bell.ring(),
      onFailure: (directory, why) =>
        log.warn("Cannot watch a directory; changes are noticed later", { directory, why }),
    });
    signal.addEventListener("abort", () => bell.ring(), { once: true });
    let inForce = hash();
    let known = inForce;
    await directories.renew(await directoriesOf(path));
    // What was written since the start is noticed at the first look, which comes at once.
    bell.ring();
    while (!signal.aborted) {
      await bell.untilQuiet({ withinMs: pollMs, quietMs, longestMs: longestUnrestMs }, signal);
      if (signal.aborted) break;
      await directories.renew(await directoriesOf(path));
      const found = await contentHash(path);
      // Another trigger may have been there first.
      if (hash() !== inForce) known = inForce = hash();
      if (found === known) continue;
      known = found;
      if (found === emptyHash)
        log.info("The configuration file is empty; waiting for what is written into it", { path });
      else await reload("file changed");
    }
    directories.close();
  };
}

/** Those in which the file can change: its own, and that of what it links to. */
async function directoriesOf(path: string): Promise<readonly string[]> {
  const target = await realpath(path).catch(() => path);
  return [dirname(path), dirname(target)];
}

const emptyHash = createHash("sha256").digest("hex");

/** Tells one content from another, and one reason why there is none from another. */
async function contentHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return hash.digest("hex");
  } catch (thrown) {
    return errorMessage(thrown);
  }
}
