import { limits, type Secret } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import { createWatchedFile } from "../watched-file.ts";

/** A secret that stands in the configuration or in a file. */
export interface SecretSource {
  /** Inline secrets come as they were written, those of files without the white space around them, as they are now. */
  read(): Promise<string>;
  /** Whether another value may come without a reload. */
  readonly isFile: boolean;
}

export interface SecretPlaces {
  readonly inline: Secret | undefined;
  readonly path: string | undefined;
  /** What the secret is, as messages call it. */
  readonly what: string;
}

/** The secret of one argument and its `_file` twin, of which one is set at most; without either it is empty. */
export function createSecretSource({ inline, path, what }: SecretPlaces, log: Logger): SecretSource {
  if (path === undefined) {
    const value = Promise.resolve(inline?.reveal() ?? "");
    return { read: () => value, isFile: false };
  }
  const file = createWatchedFile(path, { maxBytes: limits.secretFileBytes, log, what, problemOf: textProblem });
  return { read: async () => (await file.read()).trim(), isFile: true };
}

function textProblem(content: string): string | undefined {
  const secret = content.trim();
  if (secret.includes("\n")) return "it holds more than one line; write nothing but the secret into it";
  // oxlint-disable-next-line no-control-regex -- a header can carry none of them
  if (/[\u0000-\u001f\u007f\ufffd]/.test(secret))
    return "it holds a character that is no text; write the secret into it as UTF-8";
  return undefined;
}
