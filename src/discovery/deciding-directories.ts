import { readlink } from "node:fs/promises";
import { dirname, isAbsolute, join, parse, sep } from "node:path";

/** Of one path; the kernel follows no more of them: path_resolution(7). */
const mostLinks = 40;

/** The directories in which it is decided what is found at these absolute paths: those of every link on the way there, and the one at its end. */
export async function decidingDirectories(paths: Iterable<string>): Promise<ReadonlySet<string>> {
  const known = new Map<string, string | undefined>();
  const linkAt = async (path: string): Promise<string | undefined> => {
    if (!known.has(path)) known.set(path, await readlink(path).catch(() => undefined));
    return known.get(path);
  };
  const directories = new Set<string>();
  for (const path of paths) {
    let at = parse(path).root;
    const ahead = partsOf(path).toReversed();
    for (let links = 0; ahead.length > 0 && links < mostLinks; ) {
      const next = join(at, ahead.pop() as string);
      const link = await linkAt(next);
      if (link === undefined) {
        at = next;
        continue;
      }
      links++;
      directories.add(at);
      if (isAbsolute(link)) at = parse(link).root;
      ahead.push(...partsOf(link).toReversed());
    }
    if (ahead.length === 0) directories.add(dirname(at));
  }
  return directories;
}

function partsOf(path: string): readonly string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== "");
}
