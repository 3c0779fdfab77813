import type { GenericSchema } from "valibot";
import { type ComponentKind, type ExportKind, reference } from "../../src/component/index.ts";
import { type Config, type ConfigOptions, parseConfig } from "../../src/config/index.ts";
import { discoveryKinds } from "../../src/discovery/index.ts";
import { phlareScrapeArguments } from "../../src/phlare/scrape/arguments.ts";
import { scrapeArguments } from "../../src/pyroscope/scrape/arguments.ts";
import { storeArguments } from "../../src/pyroscope/store/arguments.ts";
import { writeArguments } from "../../src/pyroscope/write/arguments.ts";
import { prepareRules } from "../../src/relabel/index.ts";
import { argument, oneOrMany, table } from "../../src/schema/index.ts";

/** A kind that is only read about: nothing in these tests may start a component. */
function kind(name: string, schema: GenericSchema, exports?: ExportKind): ComponentKind {
  return {
    name,
    summary: name,
    schema,
    prepare: prepareRules,
    ...(exports && { exports }),
    create: () => {
      throw new Error(`${name} was started`);
    },
  };
}

/** Takes profiles and hands them on, so that circles can be written. */
const pipeArguments = table({
  forward_to: argument(oneOrMany(reference("receiver")), { description: "The next", example: ["test.pipe.next"] }),
});

/** The kinds of this version, one that passes profiles on, and one that finds targets. */
export const kinds: readonly ComponentKind[] = [
  kind("pyroscope.scrape", scrapeArguments),
  kind("pyroscope.write", writeArguments, "receiver"),
  kind("pyroscope.store", storeArguments, "receiver"),
  kind("phlare.scrape", phlareScrapeArguments),
  kind("test.pipe", pipeArguments, "receiver"),
  kind("test.finder", table({}), "targets"),
  ...discoveryKinds.map(({ name, schema }) => kind(name, schema, "targets")),
];

/** Checks a text as if it stood in /etc/agent/agent.toml. */
export function parse(text: string, options: Partial<ConfigOptions> = {}): Promise<Config> {
  return parseConfig(text, { path: "/etc/agent/agent.toml", kinds, env: {}, ...options });
}

/** What is wrong with the text, as it is shown; the empty string where nothing is. */
export async function problemsOf(text: string, options: Partial<ConfigOptions> = {}): Promise<string> {
  try {
    await parse(text, { path: "agent.toml", ...options });
    return "";
  } catch (thrown) {
    return (thrown as Error).message;
  }
}
