// Three agents on one real etcd that share 300 targets, while members come and go, are killed and suspended and etcd is away:
// `bun test/faults/cluster.ts [--short]`. Prints, for each, targets owned twice, unowned and moved. AGENT_UNDER_TEST as in test/e2e.
import process from "node:process";
import { etcdProgram } from "../cluster/etcd-server.ts";
import { type ClusterFindings, ClusterWorld } from "./cluster-scenarios.ts";

const short = process.argv.includes("--short");
const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(5);

function report(findings: ClusterFindings): void {
  const { name, targets, twice, twiceMs, unowned, unownedMs, moved, minimum, extraMoves, settledMs, shares } = findings;
  const owners = Object.entries(shares).map(([owner, count]) => `${owner} ${count}`);
  const columns = [
    name.padEnd(34),
    `twice ${String(twice).padStart(3)} for ${seconds(twiceMs)} s at most`,
    `unowned ${String(unowned).padStart(3)} for ${seconds(unownedMs)} s at most`,
    `moved ${String(moved).padStart(3)} of ${targets}, ${moved - minimum} over the minimum, ${extraMoves} there and back`,
    `settled after ${seconds(settledMs)} s`,
    owners.sort().join(" "),
  ];
  console.log(columns.join(" | "));
}

if (etcdProgram !== undefined) {
  await using world = await ClusterWorld.start(
    short
      ? { targets: 60, ttlSeconds: 2, outageSeconds: 6, intervalSeconds: 2 }
      : { targets: 300, ttlSeconds: 10, outageSeconds: 60, intervalSeconds: 15 },
  );
  await world.run(report);
}
