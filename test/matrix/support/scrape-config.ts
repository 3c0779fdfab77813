/** A scrape component of a test: one target, goroutine profiles only. */
export interface Scrape {
  /** The component's label, and the target's `service_name`. */
  readonly name: string;
  readonly address: string;
  readonly scheme?: "http" | "https";
  /** Path of the profile, where it is not the usual one. */
  readonly path?: string;
  readonly interval?: string;
  /** Further lines of the component's table: `tls_config = { … }`. */
  readonly lines?: string;
}

/** The tables of a scrape component that forwards to `pyroscope.write.matrix`. */
export function scrapeTable({ name, address, scheme = "https", path, interval = "1s", lines = "" }: Scrape): string {
  const pathLabel = path === undefined ? "" : `, __profile_path__ = "${path}"`;
  return `
[pyroscope.scrape.${name}]
targets = [{ __address__ = "${address}", service_name = "${name}"${pathLabel} }]
forward_to = ["pyroscope.write.matrix"]
scheme = "${scheme}"
scrape_interval = "${interval}"
scrape_timeout = "5s"
${lines}
[pyroscope.scrape.${name}.profiling_config.profile]
memory.enabled = false
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false
`;
}

/** The table of the component that pushes; further lines belong to its endpoint. */
export function writeTable(url: string, lines = ""): string {
  return `
[[pyroscope.write.matrix.endpoint]]
url = "${url}"
${lines}
`;
}

/** A TOML string on one line, whatever is in it. */
export function toml(text: string): string {
  return JSON.stringify(text);
}
