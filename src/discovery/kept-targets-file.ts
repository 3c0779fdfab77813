import { setImmediate } from "node:timers/promises";
import { formatSize, limits } from "../base/index.ts";
import { labelsFrom, labelsToJson } from "../model/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import type { KeptSource } from "./source-table.ts";

/** What a file of kept targets holds. */
export interface Known {
  readonly sources: readonly KeptSource[];
  /** Wall time of the last look that succeeded. */
  readonly confirmedMs: number;
}

const formatVersion = 1;
/** What is written in one turn of the event loop: a millisecond or two. */
const turnLength = 256 * 1024;

/** The file in parts, made a few at a time. Rejects with a DiscoveryError where nobody would read that much. */
export async function encodeKept(known: Known): Promise<readonly Uint8Array[]> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let text = "";
  const take = (): void => {
    const part = Buffer.from(text);
    bytes += part.byteLength;
    if (bytes > limits.keptTargetsBytes)
      throw new DiscoveryError(
        "too_large",
        `Cannot keep the targets: their file would be more than ${formatSize(limits.keptTargetsBytes)}; narrow down what is discovered`,
      );
    parts.push(part);
    text = "";
  };
  for (const piece of piecesOf(known)) {
    text += piece;
    if (text.length < turnLength) continue;
    take();
    await setImmediate();
  }
  take();
  return parts;
}

/** What `JSON.stringify` would make of a SavedFile. */
function* piecesOf({ sources, confirmedMs }: Known): Generator<string> {
  const head = { version: formatVersion, confirmed: timeOf(confirmedMs) };
  yield `${JSON.stringify(head).slice(0, -1)},"sources":[`;
  for (const [at, { source, foundMs, foundWith, targets }] of sources.entries()) {
    const shown = { source, found: timeOf(foundMs), arguments: foundWith };
    yield `${at > 0 ? "," : ""}${JSON.stringify(shown).slice(0, -1)},"targets":[`;
    for (const [index, target] of targets.entries())
      yield `${index > 0 ? "," : ""}${JSON.stringify(labelsToJson(target))}`;
    yield "]}";
  }
  yield "]}";
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** What the file holds, as far as it is what `encodeKept` makes. */
interface SavedFile {
  readonly version: unknown;
  readonly confirmed: unknown;
  readonly sources: readonly {
    readonly source: unknown;
    readonly found: unknown;
    readonly arguments: unknown;
    readonly targets: readonly Record<string, unknown>[];
  }[];
}

/** What the file says. Throws where it is something else. */
export function decodeKept(bytes: Uint8Array): Known {
  const { version, confirmed, sources } = JSON.parse(Buffer.from(bytes).toString()) as SavedFile;
  if (version !== formatVersion) throw new Error(`Its format is not ${formatVersion}`);
  return {
    confirmedMs: Date.parse(textOf(confirmed)) || 0,
    sources: sources.map(({ source, found, arguments: foundWith, targets }) => ({
      source: textOf(source),
      foundMs: Date.parse(textOf(found)) || 0,
      foundWith: textOf(foundWith),
      targets: targets.map((labels) =>
        labelsFrom(Object.entries(labels).map(([name, value]) => [name, textOf(value)])),
      ),
    })),
  };
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new Error(`A text was expected, found ${typeof value}`);
  return value;
}
