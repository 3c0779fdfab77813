import type { HttpClient, HttpResponse } from "../../http/index.ts";
import { type Decoded, decodeBody, PprofError } from "../../pprof/index.ts";
import { ScrapeError, type ScrapeReason, statusError, toScrapeError } from "./scrape-error.ts";

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
    const { raw, body, encoding } = decode(response, maxBytes);
    const sendable = encoding === "gzip" || encoding === "none" ? body : undefined;
    return { raw, sendable, receivedBytes: response.body.length };
  } catch (thrown) {
    throw toScrapeError(thrown, seconds);
  }
}

/** Decodes a body; the error for one that is no profile names where redirects have led to it. */
function decode({ body, headers, masked, request }: HttpResponse, maxBytes: number): Decoded {
  try {
    return decodeBody(body, maxBytes, { contentEncoding: headers["content-encoding"], masked });
  } catch (thrown) {
    const led = request?.redirectedTo;
    if (led === undefined || !(thrown instanceof PprofError)) throw thrown;
    const message = `The target redirects to "${led}": ${thrown.message}`;
    throw new ScrapeError(thrown.reason as ScrapeReason, message, { cause: thrown });
  }
}
