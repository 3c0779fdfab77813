import { describe, expect, test } from "bun:test";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { AgentError } from "../../src/base/index.ts";
import { reportDefect } from "../../src/cli/report-defect.ts";
import { runChild } from "../support/child.ts";

function report(thrown: unknown, { argv = [], env = {} }: { argv?: readonly string[]; env?: Record<string, string> }) {
  let said = "";
  const code = reportDefect(thrown, { argv, io: { env, err: (text) => void (said += text) } });
  return { code, said };
}

describe("An error that nobody foresaw", () => {
  const boom = new TypeError("undefined is not an object\n  12 | minified");

  test("is told in two lines without a stack, and how to see more", () => {
    expect(report(boom, { argv: ["check", "--log-level", "info"] })).toEqual({
      code: 1,
      said: "agent: Internal error: undefined is not an object 12 | minified\nThis is a defect of the agent: please report it. With AGENT_DEBUG=1 in the environment it says more\n",
    });
  });

  test.each([
    { argv: ["run", "--log-level", "debug"] },
    { argv: ["run", "--log-level=debug"] },
    { env: { AGENT_DEBUG: "1" } },
  ])("is told with its stack for %j", (given) => {
    expect(report(boom, given).said).toContain("report-defect.test.ts");
  });

  test("is no defect where it is one of the agent's own", () => {
    expect(report(new AgentError("too_large", "Cannot do it: too much"), {})).toEqual({
      code: 1,
      said: "agent: Cannot do it: too much\n",
    });
  });

  test.each(["reject", "throw"])("ends the process where nobody caught it: %s", async (how) => {
    const program = fileURLToPath(new URL("fails-unforeseen.ts", import.meta.url));
    const run = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
    const { exit, stderr } = await runChild([process.execPath, ...run, program, how]);
    expect({ exit, lines: stderr.trimEnd().split("\n").length }).toEqual({ exit: 1, lines: 2 });
    expect(stderr).toStartWith("agent: Internal error: boom\nThis is a defect of the agent: please report it.");
  });
});
