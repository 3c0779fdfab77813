import type { Context } from "hono";
import { type Labels, labelValue, type ProfileQuery } from "../model/index.ts";

/** Profile bytes under a file name, to which the extension is added that fits them. */
export function answerProfile(c: Context, data: Uint8Array, name: string): Response {
  const gzipped = data[0] === 0x1f && data[1] === 0x8b;
  c.header("Content-Type", "application/octet-stream");
  c.header("Content-Disposition", `attachment; filename="${name}.${gzipped ? "pb.gz" : "pb"}"`);
  return c.body(data as Uint8Array<ArrayBuffer>);
}

/** `checkout.process_cpu.2026-01-31T120000` */
export function profileName({ labels, scrapedAtMs }: { labels: Labels; scrapedAtMs: number }): string {
  const time = new Date(scrapedAtMs).toISOString().slice(0, 19).replaceAll(":", "");
  return fileName([labelValue(labels, "service_name"), labelValue(labels, "__name__"), time]);
}

/** `merged.process_cpu.checkout` */
export function mergedName({ labels = [] }: ProfileQuery): string {
  return fileName(["merged", ...labels.map(({ value }) => value)]);
}

/** A file name of parts that come from labels, without anything to which a shell, a header or a path gives a meaning. */
function fileName(parts: readonly string[]): string {
  const safe = parts.map((part) => part.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64));
  return safe.filter((part) => part !== "").join(".");
}
