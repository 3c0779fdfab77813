import { ChildProcess } from "node:child_process";
import http from "node:http";
import https from "node:https";
import net from "node:net";

/** What may outlive the test that made it: Bun tells nobody what is open, so it is noted where it is opened. */
interface Opened {
  readonly what: string;
  /** Made at the opening line; its stack is only rendered for a leak. */
  readonly at: Error;
  isOpen(): boolean;
}

/**
 * Notes every server that listens, every child process and every timer from now on. The returned function tells which of them
 * are still open, each with the line that opened it. A timer let go with `unref()` does not count.
 */
export function watchLeaks(): () => string[] {
  const opened = new Set<Opened>();
  const note = (what: string, isOpen: () => boolean): void => {
    opened.add({ what, at: new Error(), isOpen });
  };
  for (const { prototype } of [http.Server, https.Server, net.Server]) watchServer(prototype, note);
  watchChildren(note);
  const pendingTimers = watchTimers();
  return () =>
    [...opened, ...pendingTimers()].filter((one) => one.isOpen()).map((one) => `${one.what}, opened ${where(one.at)}`);
}

type Note = (what: string, isOpen: () => boolean) => void;
type Method<This> = (this: This, ...args: unknown[]) => unknown;

function watchServer(prototype: net.Server, note: Note): void {
  // Where https.Server inherits listen, the class it comes from is watched already.
  if (!Object.hasOwn(prototype, "listen")) return;
  const target = prototype as unknown as { listen: Method<net.Server> };
  const listen = target.listen;
  target.listen = function (...args) {
    note("A server that listens", () => this.listening);
    return listen.apply(this, args);
  };
}

function watchChildren(note: Note): void {
  const target = ChildProcess.prototype as unknown as { spawn: Method<ChildProcess> };
  const spawn = target.spawn;
  target.spawn = function (...args) {
    note("A child process", () => this.pid !== undefined && this.exitCode === null && this.signalCode === null);
    return spawn.apply(this, args);
  };
}

function watchTimers(): () => Opened[] {
  const pending = new Map<unknown, Opened>();
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const hold = (what: string, timer: { hasRef(): boolean }): void => {
    pending.set(timer, { what, at: new Error(), isOpen: () => timer.hasRef() });
  };
  globalThis.setTimeout = Object.assign(
    (callback: (...args: unknown[]) => void, delayMs?: number, ...rest: unknown[]) => {
      const timer = setTimeout(() => {
        pending.delete(timer);
        callback(...rest);
      }, delayMs);
      hold("A timer", timer);
      return timer;
    },
    setTimeout,
  );
  globalThis.setInterval = Object.assign((...args: Parameters<typeof setInterval>) => {
    const timer = setInterval(...args);
    hold("A timer that repeats", timer);
    return timer;
  }, setInterval);
  const forgetting = <Clear extends (timer: never) => void>(clear: Clear): Clear =>
    ((timer: never) => {
      pending.delete(timer);
      clear(timer);
    }) as Clear;
  globalThis.clearTimeout = forgetting(clearTimeout);
  globalThis.clearInterval = forgetting(clearInterval);
  return () => [...pending.values()];
}

/** The first line of the stack that is neither here nor in a library. */
function where(at: Error): string {
  const lines = (at.stack ?? "").split("\n").slice(1);
  const own = lines.filter((line) => !/node_modules|node:|\/leaks\.ts|native|bun:/.test(line));
  return (own[0] ?? lines.at(-1) ?? "at an unknown place").trim();
}
