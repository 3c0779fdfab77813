import { describe, expect, test } from "bun:test";
import { Duration, Secret } from "../../src/base/index.ts";
import { createLogger, type LogFields, type LogFormat, type LoggerOptions } from "../../src/observability/index.ts";
import { FakeClock } from "../support/fake-clock.ts";

const escape = "\u001b";

function captured(options: Partial<LoggerOptions>) {
  const lines: string[] = [];
  const clock = new FakeClock(Date.UTC(2030, 0, 2, 3, 4, 5, 678));
  const log = createLogger({ level: "info", format: "logfmt", write: (line) => lines.push(line), clock, ...options });
  return { log, lines };
}

function info(format: LogFormat, fields: LogFields): string {
  const { log, lines } = captured({ format });
  log.info("A thing happened", fields);
  return lines.join("");
}

const logfmtHead = 'ts=2030-01-02T03:04:05.678Z level=info msg="A thing happened"';

describe("createLogger() in logfmt", () => {
  const table: readonly (readonly [name: string, fields: LogFields, expected: string])[] = [
    ["leaves plain words bare", { url: "http://a:1/x" }, "url=http://a:1/x"],
    [
      "quotes what has a space, an equals sign, a quote or nothing",
      { a: "x y", b: "p=q", c: '"', d: "" },
      'a="x y" b="p=q" c="\\"" d=""',
    ],
    ["quotes a backslash", { a: "\\" }, 'a="\\\\"'],
    [
      "shows numbers, booleans and null",
      { n: 1.5, t: true, z: null, big: 2n ** 60n },
      "n=1.5 t=true z=null big=1152921504606846976",
    ],
    ["leaves out what is undefined", { a: undefined, b: 1 }, "b=1"],
    ["shows an error's message and not its stack", { err: new Error("No luck") }, 'err="No luck"'],
    ["shows durations as they are written", { interval: new Duration(90_000) }, "interval=1m30s"],
    [
      "never shows a secret",
      { a: new Secret("hunter2"), b: { deep: [new Secret("hunter2")] } },
      'a=(secret) b="{\\"deep\\":[\\"(secret)\\"]}"',
    ],
    ["keeps a line feed from starting a line", { a: "x\nlevel=error" }, 'a="x\\nlevel=error"'],
    ["escapes control and direction characters", { a: `${escape}[31m\u009b\u202e` }, 'a="\\u001b[31m\\u009b\\u202e"'],
  ];
  for (const [name, fields, expected] of table)
    test(name, () => expect(info("logfmt", fields)).toBe(`${logfmtHead} ${expected}\n`));

  test.each(["text", "logfmt", "json"] as const)("survives a value that contains itself, in %s", (format) => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    expect(info(format, { loop, after: 1 })).toMatch(/A thing happened.*cannot show.*after.*1/);
  });
});

describe("createLogger() in JSON", () => {
  const table: readonly (readonly [name: string, fields: LogFields, expected: Record<string, unknown>])[] = [
    ["keeps types", { n: 1, t: true, list: [1, 2] }, { n: 1, t: true, list: [1, 2] }],
    ["shows an error's message", { err: new Error("No luck") }, { err: "No luck" }],
    ["never shows a secret", { a: new Secret("hunter2") }, { a: "(secret)" }],
    ["keeps control characters inside the string", { a: "x\u009b\n" }, { a: "x\u009b\n" }],
  ];
  for (const [name, fields, expected] of table)
    test(name, () => {
      const line = info("json", fields);
      expect(JSON.parse(line)).toEqual({
        ts: "2030-01-02T03:04:05.678Z",
        level: "info",
        msg: "A thing happened",
        ...expected,
      });
      // oxlint-disable-next-line no-control-regex -- it is what must not be there
      expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    });
});

describe("createLogger() in text", () => {
  test("writes time, level, message and fields", () =>
    expect(info("text", { url: "http://a:1/", err: new Error("No luck") })).toMatch(
      /^\d\d:04:05 INFO {2}A thing happened {2}url=http:\/\/a:1\/ err="No luck"\n$/,
    ));

  test("writes no blank at the end of a line without fields", () =>
    expect(info("text", {})).toMatch(/A thing happened\n$/));

  test("uses colour only when told to", () => {
    const { log, lines } = captured({ format: "text", color: true });
    log.error("Bad", { a: "x" });
    expect(lines[0]).toContain(`${escape}[31mERROR${escape}[0m Bad`);
    expect(info("text", { a: 1 })).not.toContain(escape);
  });
});

describe("createLogger()", () => {
  test("writes only lines of its level and above", () => {
    const { log, lines } = captured({ level: "warn", format: "json" });
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["w", "e"]);
  });

  test("adds the stack of an error at level debug", () => {
    const { log, lines } = captured({ level: "debug" });
    log.info("x", { err: new Error("No luck") });
    expect(lines[0]).toMatch(/err="No luck" stack="Error: No luck\\n/);
  });

  test("with() adds fields to every line; the line's own win", () => {
    const { log, lines } = captured({});
    log.with({ component: "a", n: 1 }).with({ more: true }).info("x", { n: 2 });
    expect(lines[0]).toContain("msg=x component=a n=2 more=true");
  });
});
