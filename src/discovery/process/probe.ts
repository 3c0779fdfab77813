import { basename } from "node:path";
import type { HttpClient, HttpResponse } from "../../http/index.ts";
import { decodeBody, validate } from "../../pprof/index.ts";
import { limits } from "../../base/index.ts";

export interface ProbeOptions {
  readonly client: HttpClient;
  /** `/debug/pprof/` */
  readonly path: string;
  readonly userAgent: string;
  readonly signal: AbortSignal;
}

/**
 * What listens at an address: `pprof`, something `other`, or nobody at all. `busy`: an HTTP server that says that it cannot answer now, or
 * somebody who says nothing in time, such as a program that is starting. One request, whatever comes of it.
 */
export async function probe(address: string, options: ProbeOptions): Promise<"pprof" | "other" | "busy" | "nobody"> {
  const response = await ask(`http://${address}${options.path}`, options);
  if (typeof response === "string") return response;
  if (response.status === 429 || response.status >= 500) return "busy";
  return response.status === 200 && isPprof(response.body) ? "pprof" : "other";
}

/** The name of the program behind an address that answers pprof, by its own word. */
export async function askName(address: string, options: ProbeOptions): Promise<string> {
  if (!options.path.endsWith("/")) return "";
  const response = await ask(`http://${address}${options.path}cmdline`, options);
  if (typeof response === "string" || response.status !== 200) return "";
  const [program = ""] = Buffer.from(response.body).toString().split("\0");
  const name = basename(program);
  // A page would be neither short nor without tags.
  return name.length <= 255 && !/[\n<>]/.test(name) ? name : "";
}

/** Long enough for a busy process on a small box. */
const timeoutMs = 2000;

async function ask(
  url: string,
  { client, userAgent, signal }: ProbeOptions,
): Promise<HttpResponse | "nobody" | "other" | "busy"> {
  const request = { method: "GET", url, headers: { "user-agent": userAgent }, timeoutMs, signal } as const;
  try {
    return await client.request({ ...request, maxBytes: limits.probeBytes });
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason } = thrown as { reason?: string };
    if (reason === "refused") return "nobody";
    // What else it is may not matter here: it does not answer like a pprof endpoint.
    return reason === "timeout" ? "busy" : "other";
  }
}

const profileNames = ["allocs", "block", "goroutine", "heap", "mutex", "threadcreate"];

/** Go's index of profiles, or a page like it; or a profile, where the path is that of one. */
function isPprof(body: Uint8Array): boolean {
  const text = Buffer.from(body).toString("latin1");
  if (text.includes("pprof") && profileNames.filter((name) => text.includes(name)).length >= 2) return true;
  try {
    validate(decodeBody(body, limits.profileBytes).raw);
    return true;
  } catch {
    return false;
  }
}
