import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/child.ts";
import { sumOf } from "../support/parse-metrics.ts";
import type { Fault } from "./fault-server.ts";
import { anyOf, cutTail, flipInJournal, flipInLog, type Hurt } from "./hurts.ts";
import type { Findings, Length } from "./scenario.ts";
import { segmentsIn, type StoredSegment } from "./spool-files.ts";
import { durable, second, wait } from "./staging.ts";
import { componentOf, createWorld, type World } from "./world.ts";

type IdsByComponent = ReadonlyMap<string, ReadonlySet<string>>;

/** Two components, each with a log of its own. */
const components = [0, 1].map((server) => `pyroscope.write.${componentOf(server, true)}`);

const unhurt: Hurt = {
  what: "unhurt",
  component: "",
  hit: new Set(),
  mayComeAgain: new Set(),
  countedAs: undefined,
};

/** Copies the logs of a running agent, hurts the copies, and lets an agent start with each. */
export async function crashImages({ pick }: Length): Promise<Findings> {
  // An eighth of this is a segment: there are several.
  const endpoint = durable("always", `, max_disk = "${pick(2, 4)}MiB"`);
  await using world = await createWorld({ endpoint, servers: 2, apart: true });
  const { agent } = world;
  const image = join(agent.directory, "image");
  const broken: string[] = [...(await takeImage(world, image, { lastsMs: pick(2, 6) * second }))];
  const segments = segmentsIn(image);
  const whole = wantedIn(segments);
  for (const component of components)
    if (!whole.get(component)?.size) broken.push(`the copy has nothing of ${component}: the scenario shows nothing`);
  world.configure({ targets: 0 });
  broken.push(...judge(unhurt, whole, await startWith(world, image)));
  const rounds = pick(8, 100);
  const counted: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    const hurt = join(agent.directory, "hurt");
    rmSync(hurt, { recursive: true, force: true });
    cpSync(image, hurt, { recursive: true });
    const done = hurtOne(segmentsIn(hurt), round);
    counted[done.countedAs ?? "unseen"] = (counted[done.countedAs ?? "unseen"] ?? 0) + 1;
    broken.push(...judge(done, whole, await startWith(world, hurt)));
  }
  const records = [...whole.values()].map(({ size }) => size);
  const journals = segments.filter(({ journal }) => journal !== undefined).length;
  return { ledgers: [], broken, notes: { segments: segments.length, journals, records, rounds, ...counted } };
}

/** Copies what an agent has on disk while it writes and the servers have taken a little; says what is not in the copy and should be. */
async function takeImage(world: World, image: string, { lastsMs }: { lastsMs: number }): Promise<readonly string[]> {
  const { agent, servers } = world;
  for (const server of servers) await server.fail("refuse");
  await agent.start();
  await wait(2 * second);
  // Some are delivered, so that there are journals.
  for (const server of servers) await server.fail(takesOnly(8));
  await eventually("some are delivered", () => servers.every(({ deliveries }) => deliveries.size >= 8) || undefined);
  await wait(lastsMs);
  const copiedMs = Date.now();
  cpSync(agent.storage, image, { recursive: true, filter: (path) => !path.endsWith("/lock") });
  // So that the lines of what is in the copy have come.
  await wait(second);
  await agent.kill();
  const whole = wantedIn(segmentsIn(image));
  return components.flatMap((component, at) => {
    const before = [...agent.log.accepted.values()].filter(({ atMs }) => atMs < copiedMs);
    const missing = before.filter(({ id }) => !whole.get(component)?.has(id) && !servers[at]?.deliveries.has(id));
    return missing.length === 0 ? [] : [`${missing.length} were accepted before the copy of ${component} was made`];
  });
}

function takesOnly(count: number): Fault {
  let left = count;
  return () => (left-- > 0 ? undefined : "reset");
}

interface Start {
  /** What came, by component. */
  readonly delivered: IdsByComponent;
  readonly damaged: number;
  readonly damagedAsDrops: number;
  readonly torn: number;
}

/** Starts an agent that finds this directory as its storage, and lets it deliver everything. */
async function startWith({ agent, servers }: World, directory: string): Promise<Start> {
  rmSync(agent.storage, { recursive: true, force: true });
  cpSync(directory, agent.storage, { recursive: true });
  for (const server of servers) {
    await server.fail(undefined);
    server.deliveries.clear();
  }
  await agent.start();
  await agent.untilDelivered(30 * second);
  const metrics = await agent.metrics();
  await agent.stop();
  const reason = "spool_damaged";
  return {
    delivered: new Map(components.map((component, at) => [component, new Set(servers[at]?.deliveries.keys())])),
    damaged: sumOf(metrics, { name: "agent_spool_records_lost_total", labels: { reason } }),
    damagedAsDrops: sumOf(metrics, { name: "pyroscope_write_dropped_profiles_total", labels: { reason } }),
    torn: sumOf(metrics, { name: "agent_spool_torn_tails_total", labels: {} }),
  };
}

/** The tail of a newest segment, that of any, a bit of any segment, a bit of any journal. */
function hurtOne(segments: readonly StoredSegment[], round: number): Hurt {
  const withJournal = segments.filter(({ journal }) => journal !== undefined);
  const newest = segments.filter(({ isNewest }) => isNewest);
  const [list, hurt] = [
    [newest, cutTail] as const,
    [segments, flipInLog] as const,
    [segments, cutTail] as const,
    [withJournal, round % 8 === 3 && withJournal.length > 0 ? flipInJournal : flipInLog] as const,
  ][round % 4] as readonly [readonly StoredSegment[], (segment: StoredSegment) => Hurt];
  return hurt(anyOf(list.length > 0 ? list : segments) as StoredSegment);
}

/** What the agent made of it that it should not have. */
function judge(hurt: Hurt, whole: IdsByComponent, start: Start): readonly string[] {
  const { what, hit, mayComeAgain, countedAs } = hurt;
  const broken = components.flatMap((component) => {
    const isHurt = component === hurt.component;
    const expected = new Set([...(whole.get(component) ?? [])].filter((id) => !isHurt || !hit.has(id)));
    const delivered = start.delivered.get(component) ?? new Set();
    const missing = [...expected].filter((id) => !delivered.has(id)).length;
    const surplus = [...delivered].filter((id) => !expected.has(id) && !(isHurt && mayComeAgain.has(id))).length;
    return [
      ...(missing > 0 ? [`${what}: ${missing} whole profiles of ${component} were lost`] : []),
      ...(surplus > 0
        ? [`${what}: ${surplus} profiles of ${component} came that were hit, settled or never there`]
        : []),
    ];
  });
  if (countedAs === "damaged" && (start.damaged === 0 || start.damagedAsDrops === 0))
    broken.push(`${what}: the damage was not counted`);
  if (countedAs === "torn" && start.torn === 0) broken.push(`${what}: the torn end was not counted`);
  if (start.damaged > Math.max(hit.size, 1)) broken.push(`${what}: ${start.damaged} records were counted as damaged`);
  if (hit.size === 0 && start.damaged > 0) broken.push(`${what}: something was counted as damaged, though nothing was`);
  return broken;
}

function wantedIn(segments: readonly StoredSegment[]): IdsByComponent {
  return new Map(
    components.map((name) => [
      name,
      new Set(segments.filter(({ component }) => component === name).flatMap(({ wanted }) => [...wanted])),
    ]),
  );
}
