// The fault harness: drives the real agent through everything that can go wrong on the way to a server, and counts what became of each
// profile. `bun test/faults/run.ts [--long] [--only NAME]... [--parallel N] [--out FILE]`; AGENT_UNDER_TEST as in test/e2e. Ends with 1 where a promise was broken.
import { appendFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import type { Ledger } from "./ledger.ts";
import type { Findings, Length, Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

const { values } = parseArgs({
  options: {
    long: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    parallel: { type: "string", default: "3" },
    out: { type: "string" },
  },
});
const length: Length = { long: values.long, pick: (short, long) => (values.long ? long : short) };
const wanted = scenarios.filter(({ name }) => !values.only || values.only.some((part) => name.includes(part)));
if (values.out !== undefined) writeFileSync(values.out, "");

let [passed, failed, skipped] = [0, 0, 0];

function say(line: string): void {
  console.log(line);
  if (values.out !== undefined) appendFileSync(values.out, `${line}\n`);
}

function report({ name, promise }: Scenario, { ledgers, schedule, broken, notes }: Findings, tookMs: number): void {
  say(`${broken.length === 0 ? "(pass)" : "(fail)"} ${name}: ${promise} [${Math.round(tookMs / 1000)} s]`);
  for (const ledger of ledgers) say(`       ${inWords(ledger)}`);
  if (schedule !== undefined) say(`       scrapes done of due ${(schedule * 100).toFixed(1)} %`);
  if (notes) say(`       ${JSON.stringify(notes)}`);
  for (const one of broken) say(`       broken: ${one}`);
}

function inWords(ledger: Ledger): string {
  const { accepted, once, twice, twiceForGoodReason, lost, dropped, lostInLastSeconds, silent, unheard } = ledger;
  const { median, max } = ledger.delaySeconds;
  return (
    `accepted ${accepted}, delivered once ${once}, twice ${twice} (${twiceForGoodReason} after a cut answer), lost ${lost} ` +
    `(dropped ${JSON.stringify(dropped)}, within 2 s of a kill ${lostInLastSeconds}, without a word ${silent.length}), ` +
    `unheard ${unheard}, delay ${median.toFixed(2)} s median and ${max.toFixed(1)} s at most`
  );
}

async function runOne(scenario: Scenario): Promise<void> {
  const why = scenario.skip?.();
  if (why !== undefined) {
    skipped += 1;
    say(`(skip) ${scenario.name}: ${why}`);
    return;
  }
  const startMs = performance.now();
  try {
    const findings = await scenario.run(length);
    report(scenario, findings, performance.now() - startMs);
    if (findings.broken.length === 0) passed += 1;
    else failed += 1;
  } catch (error) {
    failed += 1;
    say(`(fail) ${scenario.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

const queue = [...wanted];
const workers = Array.from({ length: Number(values.parallel) }, async () => {
  for (let next = queue.shift(); next; next = queue.shift()) await runOne(next);
});
await Promise.all(workers);
say(` ${passed} pass\n ${skipped} skip\n ${failed} fail`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
