import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subject } from "../../src/cli/test-subjects.ts";
import { subjectsOf } from "../../src/cli/test-subjects.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "subjects-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What is tested with this configuration and these flags. */
function subjects(text: string, flags: Readonly<Record<string, string>>): Promise<readonly Subject[]> {
  const path = join(directory, "agent.toml");
  writeFileSync(path, text);
  const all = Object.entries({ config: path, ...flags }).map(([name, value]) => [name, [value]] as const);
  return subjectsOf({ flags: new Map(all), args: [] }, { env: {}, out() {}, err() {}, errIsTerminal: false });
}

describe("What is tested", () => {
  test("gets the time to profile on top of --timeout", async () => {
    const scraping = `[pyroscope.store.local]
[pyroscope.scrape.edge]
targets = [{ __address__ = "127.0.0.1:6060", service_name = "shop" }]
forward_to = ["pyroscope.store.local"]
scrape_interval = "15s"
[pyroscope.scrape.edge.profiling_config.profile]
block.enabled = false
mutex.enabled = false
`;
    const [subject] = await subjects(scraping, { timeout: "4s" });
    const requests = subject?.what === "profiles" ? subject.requests : [];
    expect(Object.fromEntries(requests.map(({ type, timeoutMs }) => [type, timeoutMs]))).toEqual({
      memory: 4000,
      goroutine: 4000,
      process_cpu: 18_000,
    });
  });

  test("is one of ten components at most for an id that there is not, the nearest first", async () => {
    const many = Array.from({ length: 14 }, (_, number) => `[pyroscope.write.w${number + 10}]\n`).join("");
    const { message } = await subjects(many, { component: "pyroscope.write.w22x" }).then(
      () => new Error("found"),
      (thrown: Error) => thrown,
    );
    expect(message).toMatch(/: it has pyroscope\.write\.w22 or pyroscope\.write\.w\d\d or .*, or one of 4 more$/);
    expect(message.split(" or pyroscope")).toHaveLength(10);
  });
});
