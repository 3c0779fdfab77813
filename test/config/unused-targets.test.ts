import { expect, test } from "bun:test";
import { kinds } from "../../src/kinds.ts";
import { parse, problemsOf } from "./kinds.ts";

const scrape = (targets: string): string => `[pyroscope.scrape.a]
targets = [${targets}]
forward_to = []
[discovery.file.x]
files = ["/dev/null/x.json"]
`;

test("a component that finds targets for nobody is warned of", async () => {
  const warning = "discovery.file.x: nobody takes the targets that it finds; name it in targets of a pyroscope.scrape";
  expect((await parse(scrape(""), { kinds })).warnings).toContain(warning);
  expect((await parse(scrape('"discovery.file.x"'), { kinds })).warnings).not.toContain(warning);
});

test("a list in a list of targets is told to lose its brackets", async () => {
  expect(await problemsOf(scrape('[{ __address__ = "a:1" }]'), { kinds })).toContain(
    "expected a table, found a list; drop the brackets around it",
  );
});
