import {
  type AppendOptions,
  type LostRecord,
  type RecordAge,
  type SpoolLog,
  type SpoolLogOptions,
  type SpoolRecord,
  StorageError,
  type StorageReason,
} from "../../src/storage/index.ts";
import type { FakeClock } from "./fake-clock.ts";

interface Kept {
  readonly record: SpoolRecord;
  readonly owners: Set<string>;
  readonly appendedMs: number;
  readonly appendedAtMs: number;
  /** Where it does not follow from the clock. */
  age: RecordAge | undefined;
  readonly earlierBoot: boolean;
}

interface Left {
  readonly owners: readonly string[];
  readonly age: RecordAge;
  /** Whether that was before the machine started. */
  readonly earlierBoot?: boolean;
}

/** A spool log in memory, with switches for a disk that fails or takes its time. */
export interface MemorySpoolLog extends SpoolLog {
  /** Every append fails with this reason; `undefined`: none does. */
  failWith(reason: StorageReason | undefined): void;
  /** How long `open` and an append take; 0 unless told. */
  delay(ms: number): void;
  /** Puts a record there as an earlier process would have. */
  leave(record: SpoolRecord, left: Left): number;
  setAge(number: number, age: RecordAge): void;
  /** Makes a record unreadable. */
  damage(number: number): void;
  /** Lets go what a full disk would. */
  lose(lost: LostRecord): void;
  /** How many records were ever appended, and how often an append was tried. */
  readonly counts: { appended: number; tried: number; flushed: number };
  readonly closed: boolean;
}

const defaults: SpoolLogOptions = { maxBytes: 1024 ** 3, onLost: () => {} };

/** An empty one. */
export function createMemorySpoolLog(clock: FakeClock, options: SpoolLogOptions = defaults): MemorySpoolLog {
  return new MemoryLog(clock, options);
}

class MemoryLog implements MemorySpoolLog {
  readonly counts = { appended: 0, tried: 0, flushed: 0 };
  closed = false;
  readonly #clock: FakeClock;
  readonly #records = new Map<number, Kept>();
  readonly #damaged = new Set<number>();
  #options: SpoolLogOptions;
  #failure: StorageReason | undefined;
  #delayMs = 0;
  #last = 0;

  constructor(clock: FakeClock, options: SpoolLogOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  failWith(reason: StorageReason | undefined): void {
    this.#failure = reason;
  }

  delay(ms: number): void {
    this.#delayMs = ms;
  }

  leave(record: SpoolRecord, left: Left): number {
    return this.#keep(record, left);
  }

  setAge(number: number, age: RecordAge): void {
    (this.#records.get(number) as Kept).age = age;
  }

  damage(number: number): void {
    this.#damaged.add(number);
  }

  lose(lost: LostRecord): void {
    if (lost.number !== undefined) this.#records.delete(lost.number);
    this.#options.onLost(lost);
  }

  async open(): Promise<void> {
    await this.#passing();
    await this.#failing("opened");
  }

  async append(record: SpoolRecord, owners: readonly string[], { waiting }: AppendOptions = {}): Promise<number> {
    this.counts.tried += 1;
    await this.#passing();
    await this.#failing("written");
    this.counts.appended += 1;
    return this.#keep(record, { owners, waiting });
  }

  adopt(number: number, owner: string): void {
    this.#records.get(number)?.owners.add(owner);
  }

  settle(number: number, owner: string): void {
    const kept = this.#records.get(number);
    kept?.owners.delete(owner);
    if (kept?.owners.size === 0) this.#records.delete(number);
  }

  read(number: number): Promise<SpoolRecord> {
    const kept = this.#records.get(number);
    if (kept && !this.#damaged.has(number)) return Promise.resolve(kept.record);
    for (const owner of kept?.owners ?? [])
      this.#options.onLost({ number, owner, reason: "spool_damaged", bytes: this.bytesOf(number) });
    this.#records.delete(number);
    return Promise.reject(new StorageError("damaged", `Cannot read record ${number}: its checksum is wrong`));
  }

  next(owner: string, after = 0): number | undefined {
    for (let number = after + 1; number <= this.#last; number++)
      if (this.#records.get(number)?.owners.has(owner)) return number;
    return undefined;
  }

  bytesOf(number: number): number {
    const { record } = this.#records.get(number) ?? { record: undefined };
    if (!record) return 0;
    return record.meta.byteLength + record.data.byteLength;
  }

  ageOf(number: number): RecordAge {
    const { age, appendedMs } = this.#records.get(number) as Kept;
    const passedMs = this.#clock.uptime() - appendedMs;
    if (age === undefined) return passedMs;
    return typeof age === "number" ? age + passedMs : age;
  }

  isOfThisBoot(number: number): boolean {
    return !(this.#records.get(number) as Kept).earlierBoot;
  }

  appendedAtMs(number: number): number {
    return (this.#records.get(number) as Kept).appendedAtMs;
  }

  owners(): readonly string[] {
    return [...new Set([...this.#records.values()].flatMap(({ owners }) => [...owners]))];
  }

  usage(owner: string) {
    const wanted = [...this.#records].filter(([, { owners }]) => owners.has(owner));
    return { records: wanted.length, bytes: wanted.reduce((sum, [number]) => sum + this.bytesOf(number), 0) };
  }

  snapshot() {
    const bytes = [...this.#records.keys()].reduce((sum, number) => sum + this.bytesOf(number), 0);
    return { segments: 1, bytes };
  }

  applyOptions(options: SpoolLogOptions): void {
    this.#options = options;
  }

  flush(): Promise<void> {
    this.counts.flushed += 1;
    return this.#failing("flushed");
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  async #passing(): Promise<void> {
    const delayMs = this.#delayMs;
    if (delayMs > 0) await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
  }

  #failing(what: string): Promise<void> {
    if (!this.#failure) return Promise.resolve();
    return Promise.reject(new StorageError(this.#failure, `The spool cannot be ${what}: ${this.#failure}`));
  }

  #keep(record: SpoolRecord, kept: Omit<Left, "age"> & AppendOptions & { readonly age?: RecordAge }) {
    const { owners, age, earlierBoot = false, waiting } = kept;
    this.#last += 1;
    const now = {
      appendedMs: this.#clock.uptime() - (waiting?.ageMs ?? 0),
      appendedAtMs: waiting?.sinceWallMs ?? this.#clock.now(),
    };
    if (owners.length > 0) this.#records.set(this.#last, { record, owners: new Set(owners), age, earlierBoot, ...now });
    return this.#last;
  }
}
