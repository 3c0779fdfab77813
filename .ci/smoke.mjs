// node .ci/smoke.mjs COMMAND...: starts the agent with COMMAND as a user would, waits for the address it prints, looks whether the
// page, the API and the metrics answer there and a profile gets stored, and stops it as Ctrl-C does.
import { spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const startWithinMs = 180_000; // the set-up included
const storeWithinMs = 30_000;
const [command, ...args] = process.argv.slice(2);
// A group of its own, because a terminal's Ctrl-C reaches npm, the shell and the agent alike.
const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
let output = "";
for (const stream of [child.stdout, child.stderr]) {
  stream.setEncoding("utf8").on("data", (text) => {
    output += text;
    process.stdout.write(text);
  });
}

try {
  const address = await until("an address", startWithinMs, () => output.match(/http:\/\/[\w.[\]:]+:\d+/)?.[0]);
  for (const path of ["/", "/-/ready", "/metrics", "/api/v0/targets"]) {
    const response = await fetch(address + path);
    if (!response.ok) throw new Error(`${address}${path} answers ${response.status}`);
  }
  await until("a stored profile", storeWithinMs, async () => {
    const { profiles } = await (await fetch(`${address}/api/v0/profiles`)).json();
    return profiles.length > 0;
  });
  process.kill(-child.pid, "SIGINT");
  const exit = await Promise.race([ended, sleep(20_000, "still running", { ref: false })]);
  console.log(`smoke: ended with ${exit}`);
  process.exitCode = exit === 0 || exit === "SIGINT" || exit === 130 ? 0 : 1;
} catch (error) {
  console.error(`smoke: ${error.message}`);
  process.exitCode = 1;
} finally {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

async function until(what, withinMs, look) {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(100)) {
    const found = await look();
    if (found) return found;
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before there was ${what}`);
  }
  throw new Error(`no ${what} within ${withinMs / 1000} s`);
}
