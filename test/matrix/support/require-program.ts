import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

// Servers are installed where an ordinary user's $PATH does not lead.
const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
const missing = new Set<string>();

/** Where a program is; `undefined`, and a line that says what is not tested, where this machine does not have it. */
export function requireProgram(name: string): string | undefined {
  const file = directories.map((directory) => join(directory, name)).find(isExecutable);
  if (file === undefined && !missing.has(name)) {
    missing.add(name);
    console.warn(
      `Tests of the client against ${name} are skipped: no ${name} here; "bash .ci/apt.sh" installs it on Debian`,
    );
  }
  return file;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
