import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** A child process with everything it wrote so far. */
export interface Child {
  readonly pid: number;
  /** Both streams, in the order they came. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** Resolves with the first match in the output; rejects with the whole output when the process ends or time is up first. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  /** Sends the signal and resolves with the exit code (or the signal's name) and the time it took; SIGKILL after `graceMs`. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<{ exit: number | NodeJS.Signals; tookMs: number }>;
  /** Resolves with the exit code (or the signal's name) when the process has ended. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

// A test that fails half-way must not leave a process behind.
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export function startChild(
  command: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Child {
  const [file, ...args] = command as [string, ...string[]];
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  running.add(child);
  let [output, stdout, stderr] = ["", "", ""];
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
    changed();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    output += text;
    changed();
  });
  let exit: number | NodeJS.Signals | undefined;
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once("error", reject);
    // "close" and not "exit": by then the last of the output has been read.
    child.once("close", (code, signal) => {
      running.delete(child);
      exit = code ?? (signal as NodeJS.Signals);
      changed();
      resolve(exit);
    });
  });
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? -1,
    output: () => output,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    waitFor(pattern, timeoutMs = 10_000) {
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          listeners.delete(check);
          clearTimeout(timer);
        };
        const fail = (why: string): void => {
          settle();
          reject(new Error(`${why} while waiting for ${pattern} of "${command.join(" ")}", which wrote:\n${output}`));
        };
        const check = (): void => {
          const match = output.match(pattern);
          if (match) {
            settle();
            resolve(match);
          } else if (exit !== undefined) fail(`The process ended with ${exit}`);
        };
        const timer = setTimeout(() => fail(`Time was up after ${timeoutMs} ms`), timeoutMs);
        listeners.add(check);
        check();
      });
    },
    async stop(signal = "SIGTERM", graceMs = 8000) {
      const startMs = performance.now();
      if (exit === undefined) {
        sendSignal(child, signal);
        const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
        await ended;
        clearTimeout(timer);
      }
      return { exit: await ended, tookMs: performance.now() - startMs };
    },
  };
}

/** Runs a command to its end. */
export async function runChild(
  command: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<{ exit: number | NodeJS.Signals; stdout: string; stderr: string }> {
  const child = startChild(command, options);
  const exit = await child.ended;
  return { exit, stdout: child.stdout(), stderr: child.stderr() };
}

/** Resolves with the first defined answer of `probe`, asked again and again; rejects with `what` when time is up. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 15_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    // Real processes on a real clock: there is nothing to turn by hand, so it polls.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Not child.kill(): on Deno 2.9 the exit code of a process that got its signal that way reads as the signal. */
function sendSignal({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It ended in the meantime.
  }
}
