import type { Ledger } from "./ledger.ts";
import type { Findings, Length, Scenario } from "./scenario.ts";
import { durable, lossesOf, second, wait } from "./staging.ts";
import { createWorld, type World } from "./world.ts";

/** Kills the agent at random moments of a server's trouble. */
export function killing(durability: "always" | "outage"): Scenario {
  return {
    name: `kill, ${durability}`,
    promise:
      durability === "always"
        ? "SIGKILL at any moment costs nothing that was accepted"
        : "SIGKILL at any moment costs at most what came in within the last 2 s",
    async run({ pick }) {
      await using world = await createWorld({ endpoint: durable(durability) });
      const { agent, server } = world;
      for (let turn = 0; turn < pick(6, 200); turn++) {
        await server.fail((["refuse", undefined, "stall", "reset"] as const)[turn % 4]);
        await agent.start();
        await wait(Math.random() * 3 * second + 300);
        if (turn % 3 === 2) await server.fail(undefined);
        await wait(Math.random() * second);
        await agent.kill();
      }
      return await outcome(world, { mayLose: durability === "outage" });
    },
  };
}

/** The same with two endpoints that want every profile, of which one hardly ever answers. */
export const killingWithTwo: Scenario = {
  name: "kill, always, two endpoints",
  promise: "SIGKILL at any moment costs neither endpoint anything, though one is stalled most of the time",
  async run({ pick }: Length) {
    await using world = await createWorld({ endpoint: durable("always"), servers: 2 });
    const { agent, servers } = world;
    const [quick, stalled] = servers as [World["server"], World["server"]];
    for (let turn = 0; turn < pick(5, 120); turn++) {
      // What both want kept is one record; what the quick one took at once is one of the other's alone.
      await quick.fail(turn % 3 === 1 ? "reset" : undefined);
      await stalled.fail("stall");
      await agent.start();
      await wait(Math.random() * 2 * second + 300);
      if (turn % 3 === 1) await quick.fail(undefined);
      await wait(Math.random() * second);
      if (turn % 3 === 2) await stalled.fail(undefined);
      await wait(Math.random() * 0.5 * second);
      await agent.kill();
    }
    return await outcome(world, { mayLose: false });
  },
};

/** Heals the servers, lets the agent deliver what it has, and says what each of them missed. */
async function outcome(world: World, { mayLose }: { mayLose: boolean }): Promise<Findings> {
  const { agent, servers } = world;
  for (const server of servers) await server.fail(undefined);
  await agent.start();
  const broken: string[] = [];
  await agent.untilDelivered(120 * second).catch((error: unknown) => broken.push(String(error)));
  await agent.stop();
  if (agent.left > 0) broken.push(`${agent.left} profiles were left on disk at the end`);
  const ledgers = servers.map((server) => world.ledger(server));
  for (const [at, ledger] of ledgers.entries())
    broken.push(...lossesAfterKills(ledger, mayLose).map((one) => `server ${at + 1}: ${one}`));
  return { ledgers, broken, notes: { kills: agent.killedAtMs.length } };
}

/** After a kill everything may come twice whose delivery was not written down yet. */
function lossesAfterKills(ledger: Ledger, mayLose: boolean): readonly string[] {
  const broken = lossesOf({ ...ledger, twiceForNoReason: [] });
  const { lostInLastSeconds: late } = ledger;
  return mayLose || late === 0 ? broken : [...broken, `${late} accepted profiles were lost within 2 s before a kill`];
}
