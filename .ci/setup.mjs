// Makes a fresh clone ready: installs what package-lock.json names unless it is there already. Runs before `npm start`,
// `npm test` and `npm run build`, on plain Node, because nothing else is there yet.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const run = (command, args, options) => execFileSync(command, args, { cwd: root, stdio: "inherit", ...options });

// Not `npm ci`: it wants the lock file to hold the packages of every platform, also those that a registry mirror does not have.
if (!installed()) npm("install", "--no-save", "--include=dev", "--no-audit", "--no-fund");
if (!works(["node_modules/bun/bin/bun.exe", "--version"])) {
  // With `ignore-scripts` npm leaves out the step that puts Bun's binary in its place.
  run(process.execPath, ["node_modules/bun/install.js"]);
}

/** Whether node_modules holds every package of the lock file, in its version; optional ones are for other machines. */
function installed() {
  try {
    const wanted = packages("package-lock.json");
    const present = packages("node_modules/.package-lock.json");
    return Object.entries(wanted).every(
      ([path, entry]) => path === "" || (present[path] ? present[path].version === entry.version : entry.optional),
    );
  } catch {
    return false;
  }
}

function packages(lockFile) {
  return JSON.parse(readFileSync(join(root, lockFile), "utf8")).packages;
}

function npm(...args) {
  // Under `npm start`, npm tells where it is; a script of its own needs no shell on Windows.
  if (process.env.npm_execpath) run(process.execPath, [process.env.npm_execpath, ...args]);
  else run("npm", args, { shell: process.platform === "win32" });
}

function works([command, ...args]) {
  try {
    run(join(root, command), args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
