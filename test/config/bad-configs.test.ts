import { describe, expect, test } from "bun:test";
import packageJson from "../../package.json" with { type: "json" };
import { habits } from "./bad/habits.ts";
import { references } from "./bad/references.ts";
import { relabel } from "./bad/relabel.ts";
import { scrape } from "./bad/scrape.ts";
import { secrets } from "./bad/secrets.ts";
import { structure } from "./bad/structure.ts";
import { syntax } from "./bad/syntax.ts";
import { targets } from "./bad/targets.ts";
import { write } from "./bad/write.ts";
import { problemsOf } from "./kinds.ts";

describe.each([
  ["syntax", syntax],
  ["structure", structure],
  ["habits from elsewhere", habits],
  ["references", references],
  ["targets", targets],
  ["relabel", relabel],
  ["scrape", scrape],
  ["write and store", write],
  ["secrets", secrets],
] as const)("A bad configuration: %s", (_name, table) => {
  test.each(table.map((row) => [row.title, row] as const))("reports %s", async (_title, row) => {
    const { text, problems, path = "agent.toml", env = {} } = row;
    expect((await problemsOf(text, { path, env })).split("\n")).toEqual(
      problems.map((problem) => problem.replace("(0.1.0)", `(${packageJson.version})`)),
    );
  });

  test("shows no secret", () => {
    expect(table.flatMap(({ problems }) => problems).join("\n")).not.toMatch(/s3c|hunter2|73310/);
  });
});
