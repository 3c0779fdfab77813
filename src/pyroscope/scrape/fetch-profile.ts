import type { HttpClient } from "../../http/index.ts";
import { decodeBody } from "../../pprof/index.ts";
import { statusError, toScrapeError } from "./scrape-error.ts";

export interface FetchOptions {
  readonly client: HttpClient;
  readonly headers: Readonly<Record<string, string>>;
  /** Bound of the uncompressed profile, and so of the body too. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly seconds: number | undefined;
  readonly signal: AbortSignal;
}

/** A body that looks like a profile; it is proven to be one where it is read (`toOutgoing`). */
export interface FetchedProfile {
  /** As it came. */
  readonly body: Uint8Array;
  /** Uncompressed. */
  readonly raw: Uint8Array;
  /** Whether `body` may be handed on as it is; otherwise `raw` has to be compressed anew. */
  readonly sendable: boolean;
}

/** Requests a profile and uncompresses it. Throws only ScrapeError. */
export async function fetchProfile(url: string, options: FetchOptions): Promise<FetchedProfile> {
  const { client, headers, maxBytes, timeoutMs, signal, seconds } = options;
  try {
    const response = await client.request({ method: "GET", url, headers, maxBytes, timeoutMs, signal });
    // 200 and a profile in the body is success; the Content-Type is not consulted (DESIGN, Decisions).
    if (response.status !== 200) throw statusError(response, url);
    const { raw, encoding } = decodeBody(response.body, maxBytes);
    return { body: response.body, raw, sendable: encoding !== "zstd" };
  } catch (thrown) {
    throw toScrapeError(thrown, seconds);
  }
}
