import { describe, expect, test } from "bun:test";
import { type Environment, expandEnvironment } from "../../src/config/expand-environment.ts";
import type { Finding } from "../../src/config/finding.ts";
import { problemsOf } from "./kinds.ts";

function expand(tree: unknown, env: Environment = {}): unknown {
  const findings: Finding[] = [];
  const expanded = expandEnvironment(tree, env, findings);
  expect(findings).toEqual([]);
  return expanded;
}

describe("The environment", () => {
  const env = { HOST: "pyroscope", EMPTY: "", NESTED: "${HOST}" };
  test.each([
    ["${HOST}", "pyroscope"],
    ["http://${HOST}:${PORT:-4040}/", "http://pyroscope:4040/"],
    ["${EMPTY}", ""],
    ["${EMPTY:-default}", "default"],
    ["${UNSET:-}", ""],
    ["${UNSET:-a:-b $x}", "a:-b $x"],
    ["$${HOST}", "${HOST}"],
    ["${1}-${12}", "${1}-${12}"],
    ["$HOST $ {", "$HOST $ {"],
    ["${NESTED}", "${HOST}"],
  ])("makes of %j %j", (text, expected) => {
    expect(expand({ a: [{ b: text }] }, env)).toEqual({ a: [{ b: expected }] });
  });

  test("reaches neither keys nor relabel rules", () => {
    const rule = [{ replacement: "${HOST}" }];
    const tree = { "${HOST}": 1, discovery: { relabel: { a: { rule } } }, pyroscope: { write: { rule: { rule } } } };
    expect(expand(tree, env)).toEqual(tree);
  });

  test.each([
    ["a kind", { rule: { a: { b: "${HOST}" } } }],
    ["a component's label", { pyroscope: { write: { rule: { endpoint: [{ url: "${HOST}" }] } } } }],
    ["a custom type's label", { pyroscope: { scrape: { x: { profile: { custom: { rule: { path: "${HOST}" } } } } } } }],
  ])("reaches what stands below %s called rule", (_where, tree) => {
    expect(JSON.stringify(expand(tree, env))).toBe(JSON.stringify(tree).replace("${HOST}", "pyroscope"));
  });

  test.each(["${", "${}", "${A B}", "${A-b}", "${A:default}"])("reports %j, which is no reference", async (text) => {
    const problems = await problemsOf(`[storage]\npath = '${text}'`);
    expect(problems).toBe(
      "agent.toml:2:8: storage.path: holds ${ that begins no ${NAME} or ${NAME:-default}; write $${ for a literal ${",
    );
  });

  test.each(["${A:-${B:-x}}", "${A:-${B}", "${A:-$${}"])(
    "refuses %j, whose default holds a reference",
    async (text) => {
      for (const set of [{}, { A: "set" }])
        expect(await problemsOf(`[storage]\npath = '${text}'`, { env: set })).toBe(
          "agent.toml:2:8: storage.path: the default of ${A:-…} holds ${, and a default is taken literally; write it out",
        );
    },
  );

  test("is reported once for an unset variable, whatever the value should have been", async () => {
    const problems = await problemsOf('[logging]\nlevel = "${LEVEL}"');
    expect(problems).toBe(
      "agent.toml:2:9: logging.level: the environment variable LEVEL is not set; set it, or write ${LEVEL:-default}",
    );
  });
});
