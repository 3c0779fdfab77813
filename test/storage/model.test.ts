import { describe, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { freshPath, type LogUnderTest, openLog, wanted } from "./a-directory.ts";
import { createRandom, type Random, seed } from "./pseudo-random.ts";

const owners = ["a", "b", "c"];

/** What a log should hold, kept beside it in the simplest way. */
class Model {
  readonly data = new Map<number, Uint8Array>();
  /** "owner number" of everything that is wanted. */
  readonly wants = new Set<string>();
  /** What a crash may bring back, and what it may take away: settled and adopted since everything was last on disk. */
  readonly mayReturn = new Set<string>();
  readonly mayVanish = new Set<string>();

  /** Everything is on disk. */
  flushed(): void {
    this.mayReturn.clear();
    this.mayVanish.clear();
  }

  settle(number: number, owner: string): void {
    if (this.wants.delete(`${owner} ${number}`)) this.mayReturn.add(`${owner} ${number}`);
  }

  wantedBy(owner: string): number[] {
    const numbers = [...this.wants]
      .filter((one) => one.startsWith(owner))
      .map((one) => Number(one.slice(owner.length)));
    return numbers.toSorted((a, b) => a - b);
  }

  isWanted(number: number): boolean {
    return owners.some((owner) => this.wants.has(`${owner} ${number}`));
  }
}

interface World {
  readonly model: Model;
  readonly random: Random;
  readonly maxBytes: number;
  opened: LogUnderTest;
}

type Action = (world: World) => Promise<void>;

const append: Action = async ({ model, random, opened: { log } }) => {
  const made = Array.from({ length: 1 + random.below(5) }, () => {
    const data = random.bytes(random.below(20_000));
    const by = owners.filter(() => random.below(2) === 0);
    return { data, by, number: log.append({ meta: data.subarray(0, 10), data }, by) };
  });
  await log.flush();
  model.flushed();
  for (const { data, by, number } of made) {
    model.data.set(await number, data);
    for (const owner of by) model.wants.add(`${owner} ${await number}`);
  }
};

const settle: Action = async ({ model, random, opened: { log } }) => {
  const owner = random.pick(owners) as string;
  for (let count = random.below(5); count > 0; count--) {
    const number = random.pick(model.wantedBy(owner)) ?? 1;
    log.settle(number, owner);
    model.settle(number, owner);
  }
};

const adopt: Action = async ({ model, random, opened: { log } }) => {
  const [owner, number] = [random.pick(owners) as string, random.pick([...model.data.keys()]) ?? 1];
  // What nobody wants may be gone.
  if (!model.isWanted(number)) return;
  log.adopt(number, owner);
  const wish = `${owner} ${number}`;
  if (!model.wants.has(wish)) model.mayVanish.add(wish);
  model.wants.add(wish);
};

const flush: Action = async ({ model, opened: { log } }) => {
  await log.flush();
  model.flushed();
};

/** The process ends and comes back. */
const restart: Action = async (world) => {
  const { directory, lost } = world.opened;
  await directory.close();
  world.opened = await openLog({ path: directory.path, maxBytes: world.maxBytes });
  world.opened.lost.push(...lost);
  world.model.flushed();
};

/** The process dies while it appends, and another finds what was on disk then. */
const crash: Action = async (world) => {
  const { model, random, opened: before, maxBytes } = world;
  const data = random.bytes(5000);
  const late = before.log.append({ meta: data.subarray(0, 10), data }, ["a"]);
  const flushed = before.log.flush();
  for (let turn = random.below(6); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
  const path = freshPath();
  cpSync(before.directory.path, path, { recursive: true });
  await flushed;
  const number = await late;
  await before.directory.close();
  model.data.set(number, data);
  model.mayReturn.add(`a ${number}`);
  world.opened = await openLog({ path, maxBytes });
  const found = new Set(owners.flatMap((owner) => wanted(world.opened.log, owner).map((one) => `${owner} ${one}`)));
  expect([...model.wants].filter((wish) => !found.has(wish) && !model.mayVanish.has(wish))).toEqual([]);
  expect([...found].filter((wish) => !model.wants.has(wish) && !model.mayReturn.has(wish))).toEqual([]);
  const numbersOf = (wishes: Iterable<string>) => new Set([...wishes].map((wish) => wish.slice(2)));
  // Whatever was adopted: who wanted it before wants it still.
  expect([...numbersOf(model.wants).difference(numbersOf(found))]).toEqual([]);
  model.wants.clear();
  for (const wish of found) model.wants.add(wish);
  model.flushed();
};

/** The log and the model say the same, but for the oldest, of which `onLost` was told. */
async function compare({ model, random, opened: { log, lost } }: World): Promise<void> {
  for (const owner of owners) {
    const [found, expected] = [wanted(log, owner), model.wantedBy(owner)];
    const dropped = expected.slice(0, expected.length - found.length);
    expect(found).toEqual(expected.slice(dropped.length));
    expect(lost.filter((one) => one.owner === owner)).toHaveLength(dropped.length);
    for (const number of dropped) model.wants.delete(`${owner} ${number}`);
    const bytes = found.reduce((sum, number) => sum + log.bytesOf(number), 0);
    expect(log.usage(owner)).toEqual({ records: found.length, bytes });
    const sample = random.pick(found);
    if (sample === undefined) continue;
    const data = model.data.get(sample) as Uint8Array;
    expect(await log.read(sample)).toEqual({ meta: data.subarray(0, 10), data } as never);
  }
  lost.length = 0;
}

async function play(actions: readonly Action[], maxBytes: number): Promise<void> {
  const world: World = {
    model: new Model(),
    random: createRandom(seed),
    maxBytes,
    opened: await openLog({ maxBytes }),
  };
  await append(world);
  for (let step = 0; step < 400; step++) {
    await (world.random.pick(actions) as Action)(world);
    await compare(world);
    expect(world.opened.log.snapshot().bytes).toBeLessThanOrEqual(maxBytes);
  }
  expect(world.opened.directory.log.lines).toEqual([]);
  await world.opened.directory.close();
}

const often = [append, append, append, settle, settle, settle, settle, settle, adopt, flush];

describe(`A log and a model of it (seed ${seed})`, () => {
  test("agree over appends, settlements, restarts and a bound that is reached", async () => {
    await play([...often, append, append, restart], 1024 ** 2);
  }, 30_000);

  test("agree over crashes, after which settled records may be wanted again", async () => {
    await play([...often, crash], 512 * 1024 ** 2);
  }, 30_000);
});
