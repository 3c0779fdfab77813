const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** A number of bytes as the configuration writes it: `16MiB`. Shown the way it was meant, like Duration. */
export class Size {
  readonly bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Reads `16MiB`, `512KB`, `100B`; `undefined` for any other text, a bare number included. */
  static parse(text: string): Size | undefined {
    const match = /^(\d+(?:\.\d+)?)\s*([KMG]i?B|B)$/.exec(text);
    if (!match) return undefined;
    return new Size(Math.floor(Number(match[1]) * (unitBytes[match[2] as string] as number)));
  }

  toString(): string {
    return formatSize(this.bytes);
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Bytes for a reader, in the largest binary unit with at most one decimal: 1536 is `1.5KiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    const size = unitBytes[unit] as number;
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))}${unit}`;
  }
  return `${bytes}B`;
}
