import type { HttpClient, HttpResponse } from "../../http/index.ts";
import { type Decoded, decodeBody } from "../../pprof/index.ts";
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
  /** Uncompressed. */
  readonly raw: Uint8Array;
  /** As the target made it, where that may be handed on as it is: gzip without what was put on top, or `raw` itself. */
  readonly sendable: Uint8Array | undefined;
  /** Bytes of the response's body. */
  readonly receivedBytes: number;
}

/** Requests a profile and uncompresses it. Throws only ScrapeError. */
export async function fetchProfile(url: string, options: FetchOptions): Promise<FetchedProfile> {
  const { client, headers, maxBytes, timeoutMs, signal, seconds } = options;
  try {
    const response = await client.request({ method: "GET", url, headers, maxBytes, timeoutMs, signal });
    // 200 and a profile in the body is success; the Content-Type is not consulted (DESIGN, Decisions).
    if (response.status !== 200) throw statusError(response, url);
    const contentEncoding = response.headers["content-encoding"];
    const { raw, body, encoding } = decodeQuietly(response, { maxBytes, contentEncoding });
    const sendable = encoding === "gzip" || encoding === "none" ? body : undefined;
    return { raw, sendable, receivedBytes: response.body.length };
  } catch (thrown) {
    throw toScrapeError(thrown, seconds);
  }
}

interface DecodeOptions {
  readonly maxBytes: number;
  readonly contentEncoding: string | undefined;
}

/** Decodes a body; the error for one that is no profile quotes it without what the request authenticated with. */
function decodeQuietly({ body, masked }: HttpResponse, { maxBytes, contentEncoding }: DecodeOptions): Decoded {
  try {
    return decodeBody(body, maxBytes, { contentEncoding });
  } catch (thrown) {
    const text = Buffer.from(body).toString();
    const quiet = masked?.(text) ?? text;
    if (quiet === text) throw thrown;
    return decodeBody(Buffer.from(quiet), maxBytes, { contentEncoding });
  }
}
