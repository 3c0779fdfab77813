/** One sample of an exposition. */
export interface Metric {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;
const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const commentLine = /^# (HELP [a-zA-Z_:]\w* .+|TYPE [a-zA-Z_:]\w* (counter|gauge|histogram|summary|untyped))$/;

/** Every sample of Prometheus' text format; throws with the line that does not belong there. */
export function parseMetrics(text: string): Metric[] {
  return text.split("\n").flatMap((line) => {
    if (line === "" || commentLine.test(line)) return [];
    const [, name, pairs = "", number = ""] = sampleLine.exec(line) ?? [];
    if (name === undefined || !isNumber(number)) throw new Error(`No line of an exposition: "${line}"`);
    const labels = [...pairs.matchAll(labelPair)].map(([, key = "", value = ""]) => [key, unescape(value)]);
    return [{ name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(number) }];
  });
}

/** The sum of the samples of a metric that have these labels; 0 where there is none. */
export function sumOf(metrics: readonly Metric[], wanted: Pick<Metric, "name" | "labels">): number {
  return metrics
    .filter(({ name, labels }) => name === wanted.name && contains(labels, wanted.labels))
    .reduce((sum, { value }) => sum + value, 0);
}

function isNumber(text: string): boolean {
  return ["+Inf", "-Inf", "NaN", "Nan"].includes(text) || (text !== "" && !Number.isNaN(Number(text)));
}

function unescape(value: string): string {
  return value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}

function contains(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
