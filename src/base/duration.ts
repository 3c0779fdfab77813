const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const wholeText = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * A length of time as the configuration writes it: Go's form, `1m30s` or `500ms`. A class and not a number of
 * milliseconds, so that it is shown the way it was meant wherever arguments are shown.
 */
export class Duration {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  get seconds(): number {
    return this.ms / 1000;
  }

  /** Reads Go's form (time.ParseDuration); `undefined` for any other text, a bare number other than 0 included. */
  static parse(text: string): Duration | undefined {
    if (text === "0") return new Duration(0);
    if (!wholeText.test(text)) return undefined;
    let ms = 0;
    for (const [, amount, unit] of text.matchAll(part)) ms += Number(amount) * (unitMs[unit as string] as number);
    return new Duration(text.startsWith("-") ? -ms : ms);
  }

  toString(): string {
    return formatDuration(this.ms);
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Milliseconds in the shortest exact Go form: 90000 is `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1000) return `${trimmed(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1000;
  return `${hours ? `${hours}h` : ""}${minutes ? `${minutes}m` : ""}${seconds ? `${trimmed(seconds)}s` : ""}`;
}

/** A measured time in the figures that people read: three of them, and no part of a millisecond. */
export function roundedMs(ms: number): number {
  return Number(Math.round(ms).toPrecision(3));
}

/** A length of time for a reader who does not count: whole units, the largest that fits. `8 s`, `3 min`, `5 h`, `2 d` */
export function formatSpan(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(6)));
}
