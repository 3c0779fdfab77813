import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Findings, Length } from "./scenario.ts";
import { durable, second, wait } from "./staging.ts";
import { createWorld, type World } from "./world.ts";

/** Copies the log of a running agent, hurts the copies, and lets an agent start with each. */
export async function crashImages({ pick }: Length): Promise<Findings> {
  await using world = await createWorld({ endpoint: durable("always") });
  const { agent, server } = world;
  await server.fail("refuse");
  await agent.start();
  await wait(pick(4 * second, 10 * second));
  // Mid-write: the agent goes on while its directory is copied.
  const image = join(agent.directory, "image");
  const copiedMs = Date.now();
  cpSync(agent.storage, image, { recursive: true, filter: (path) => !path.endsWith("/lock") });
  // So that the lines of what is in the copy have come.
  await wait(second);
  await agent.kill();
  const accepted = [...agent.accepted.values()];
  const broken: string[] = [];
  world.configure({ targets: 0 });
  const whole = await deliveredFrom(world, image);
  const missing = accepted.filter(({ id, atMs }) => atMs < copiedMs && !whole.has(id)).length;
  if (missing > 0) broken.push(`${missing} profiles were accepted before the copy and are not in it`);
  if (whole.size === 0) broken.push("nothing was in the copy: the scenario shows nothing");
  for (let round = 0; round < pick(6, 100); round++) {
    const hurt = join(agent.directory, "hurt");
    rmSync(hurt, { recursive: true, force: true });
    cpSync(image, hurt, { recursive: true });
    const what = round % 2 === 0 ? cutTail(hurt) : flipByte(hurt);
    const delivered = await deliveredFrom(world, hurt);
    const madeUp = [...delivered].filter((id) => !whole.has(id) && !agent.accepted.has(id)).length;
    if (madeUp > 0) broken.push(`${what}: ${madeUp} profiles were made up`);
    const lost = [...whole].filter((id) => !delivered.has(id)).length;
    if (round % 2 === 1 && lost > 1) broken.push(`${what}: ${lost} profiles lost`);
  }
  return { ledger: world.ledger(), broken, notes: { in_image: whole.size } };
}

/** The ids that an agent delivers which finds this directory as its storage. */
async function deliveredFrom({ agent, server }: World, directory: string): Promise<ReadonlySet<string>> {
  const before = new Map([...server.deliveries].map(([id, { atMs }]) => [id, atMs.length]));
  rmSync(agent.storage, { recursive: true, force: true });
  cpSync(directory, agent.storage, { recursive: true });
  await server.fail(undefined);
  await agent.start();
  // The log is read beside everything else.
  await wait(second);
  await agent.untilDelivered(30 * second);
  await agent.stop();
  const now = [...server.deliveries].filter(([id, { atMs }]) => atMs.length > (before.get(id) ?? 0));
  return new Set(now.map(([id]) => id));
}

function logsIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).size > 0)
    .sort();
}

/** Says what it did, for a message. */
function flipByte(directory: string): string {
  const [path = ""] = logsIn(directory);
  const bytes = readFileSync(path);
  const at = Math.floor(Math.random() * bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(Math.random() * 8));
  writeFileSync(path, bytes);
  return `byte ${at} of ${bytes.length} flipped`;
}

function cutTail(directory: string): string {
  const path = logsIn(directory).at(-1) ?? "";
  const bytes = readFileSync(path);
  const length = Math.floor(bytes.length * Math.random());
  writeFileSync(path, bytes.subarray(0, length));
  return `${length} of ${bytes.length} bytes left`;
}
