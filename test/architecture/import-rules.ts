import { posix } from "node:path";
import { libraries, rooms } from "./rooms.ts";

/** A file of src/; the path is relative to src/. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const importPattern =
  /^\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

/** Every import of the files that the table of rooms forbids, as a sentence with the reason. */
export function importViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => importsOf(file.text).flatMap((specifier) => violation(file.path, specifier)));
}

/** Every mention of a runtime's own global outside src/runtime. */
export function runtimeGlobalViolations(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => roomOf(file.path) !== "runtime")
    .flatMap((file) =>
      [...withoutComments(file.text).matchAll(/\b(?:Bun|Deno)\.\w+/g)].map(
        ([use]) =>
          `src/${file.path} uses ${use}: only src/runtime may, because the same source runs on Bun and on Deno`,
      ),
    );
}

/** The room that a file of src/ lives in: the longest folder in the table that holds it; `undefined` for a folder not in it. */
export function roomOf(path: string): string | undefined {
  if (!path.includes("/")) return "";
  return Object.keys(rooms)
    .filter((room) => room !== "" && path.startsWith(`${room}/`))
    .reduce<string | undefined>((longest, room) => (room.length > (longest?.length ?? -1) ? room : longest), undefined);
}

function importsOf(text: string): string[] {
  return [...text.matchAll(importPattern)].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

function violation(path: string, specifier: string): string[] {
  const from = roomOf(path);
  if (from === undefined)
    return [`src/${path} lies in no room: add its folder to the table in test/architecture/rooms.ts`];
  return specifier.startsWith(".") ? ownImport(path, from, specifier) : libraryImport(path, from, specifier);
}

function ownImport(path: string, from: string, specifier: string): string[] {
  const target = posix.join(posix.dirname(path), specifier);
  if (target.startsWith("../")) {
    return target === "../package.json"
      ? []
      : [`src/${path} imports ${specifier}: src/ is complete without its surroundings`];
  }
  const to = roomOf(target);
  if (to === from) return [];
  const { may, why } = rooms[from] as (typeof rooms)[string];
  if (may.includes("*") && to === "") return [];
  if (to === undefined || !(may.includes(to) || may.includes("*"))) {
    const allowed = may.length > 0 ? may.join(", ") : "nothing of ours";
    return [`src/${path} imports ${to || target}: ${from || "src"} may import ${allowed}, because ${why}`];
  }
  if (to !== "gen" && target !== `${to}/index.ts`) {
    return [`src/${path} imports src/${target}: other rooms come in by the door, src/${to}/index.ts`];
  }
  return [];
}

function libraryImport(path: string, from: string, specifier: string): string[] {
  return libraries
    .filter((library) => library.name.test(specifier) && !library.rooms.includes(from))
    .map(
      (library) => `src/${path} imports "${specifier}": only ${library.rooms.join(", ")} may, because ${library.why}`,
    );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}
