/**
 * Builds the binary: `npm run build` leaves it at dist/agent. For another machine:
 * `npm run build -- --target bun-linux-arm64` leaves dist/agent-linux-arm64 (any `--target` of `bun build --compile`).
 *
 * Never run `strip` on the result: the program is appended to the runtime, and stripping leaves the bare runtime.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "./package.json" with { type: "json" };

const { values } = parseArgs({ options: { target: { type: "string" }, outfile: { type: "string" } } });
const target = values.target as Bun.Build.CompileTarget | undefined;
const outfile = values.outfile ?? join(import.meta.dirname, "dist", `agent${target?.replace(/^bun/, "") ?? ""}`);

mkdirSync(join(import.meta.dirname, "dist"), { recursive: true });
const result = await Bun.build({
  entrypoints: [join(import.meta.dirname, "src/main.ts")],
  compile: {
    outfile,
    ...(target && { target }),
    // A stranger's .env or bunfig.toml in the working directory must not change what the agent does.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
  // Parsed ahead of time: ready in 33 ms instead of 69, for 3.6 MB. ES modules, because of top-level await.
  bytecode: true,
  format: "esm",
  // Names stay: they are what the agent's own CPU profile shows.
  minify: { whitespace: true, syntax: true, identifiers: false },
  sourcemap: "none",
  define: { AGENT_COMMIT: JSON.stringify(commit()) }, // read by src/version.ts
});
for (const log of result.logs) console.warn(log.message);

const file = process.platform === "win32" || target?.includes("windows") ? `${outfile}.exe` : outfile;
console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB, version ${packageJson.version} (${commit()})`);

/** The commit that is built, with a mark where the tree has changes of its own; "unknown" outside a git checkout. */
function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}
