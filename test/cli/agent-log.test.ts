import { expect, test } from "bun:test";
import { createAgentLog } from "../../src/cli/create-agent-log.ts";
import type { CommandLine } from "../../src/cli/command.ts";

function agentLog(flags: Record<string, string> = {}) {
  let written = "";
  const line: CommandLine = { flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])), args: [] };
  const io = { env: {}, out() {}, err: (text: string) => void (written += text), errIsTerminal: false };
  const log = createAgentLog(line, io, { level: "info" });
  return { log, take: () => [written, (written = "")][0] as string };
}

test("Another level and format reach loggers that were made before", () => {
  const { log, take } = agentLog();
  const bound = log.with({ component: "a" }).with({ endpoint: "b" });
  bound.debug("Hidden");
  bound.info("Shown");
  expect(take()).toMatch(/^ts=\S+ level=info msg=Shown component=a endpoint=b\n$/);
  log.applyConfig({ level: "debug", format: "json" });
  bound.debug("Shown", { n: 1 });
  log.debug("Also");
  const lines = take().trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: "debug", msg: "Shown", component: "a", endpoint: "b", n: 1 },
    { level: "debug", msg: "Also" },
  ]);
  log.applyConfig({ level: "error" });
  bound.warn("Hidden");
  expect(take()).toBe("");
});

test("Flags win over the configuration after a reload too", () => {
  const { log, take } = agentLog({ "log-level": "warn", "log-format": "json" });
  log.applyConfig({ level: "debug", format: "logfmt" });
  log.info("Hidden");
  log.warn("Shown");
  expect(take()).toStartWith("{");
});

test("Lines that standard error did not take are counted in the next that it takes", () => {
  const written: string[] = [];
  let isFull = false;
  const err = (text: string): boolean => {
    if (!isFull) written.push(text);
    return !isFull;
  };
  const io = { env: {}, out() {}, err, errIsTerminal: false };
  const log = createAgentLog({ flags: new Map(), args: [] }, io, { level: "info" });
  log.info("a");
  isFull = true;
  for (let at = 0; at < 3; at++) log.info("lost");
  isFull = false;
  log.info("b");
  log.info("c");
  expect(written.map((line) => /msg=(\w+|".*?")(.*)/.exec(line)?.slice(1).join(""))).toEqual([
    "a",
    "b",
    '"Lines of the log were dropped before this one: standard error was not read" lines=3',
    "c",
  ]);
});
