import { AgentError, type Clock, systemClock } from "../base/index.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "./client.ts";
import { createConnectionPool } from "./connection-pool.ts";
import { exchange, type ExchangeOptions, type Hop } from "./exchange.ts";
import { Interruption } from "./interruption.ts";
import { RedirectTrail, redirectedHop } from "./redirect.ts";

export interface HttpClientOptions {
  /** Where false, a redirect is returned like any other response. True by default. */
  readonly followRedirects?: boolean;
  /** Measures the deadlines; the system's clock by default. */
  readonly clock?: Clock;
}

/** A client with its own connections: HTTP/1.1, over TLS with the system's trust where the URL says https. */
export function createHttpClient({ followRedirects = true, clock = systemClock }: HttpClientOptions = {}): HttpClient {
  const pool = createConnectionPool();
  return {
    async request(request) {
      const hop = firstHop(request);
      const interruption = new Interruption(request, clock);
      try {
        const options = { pool, interruption };
        return await (followRedirects ? follow(hop, options) : exchange(hop, options));
      } finally {
        interruption.release();
      }
    },
    close: () => pool.close(),
  };
}

async function follow(start: Hop, options: ExchangeOptions): Promise<HttpResponse> {
  let trail: RedirectTrail | undefined;
  for (let hop = start; ; ) {
    const response = await exchange(hop, options);
    const next = redirectedHop(hop, response);
    if (!next) return response;
    trail ??= new RedirectTrail(start.url);
    trail.enter(next.url);
    hop = next;
  }
}

function firstHop({ method, url: text, headers = {}, body, maxBytes }: HttpRequest): Hop {
  const url = URL.parse(text);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    // Not shown: what is no URL may still hold a password.
    throw new AgentError(
      "protocol",
      "Cannot send a request: its URL is not an http or https URL; check address and scheme",
    );
  }
  return { method, url, headers: { ...basicAuthorization(url), ...headers }, body, maxBytes };
}

/** Userinfo as the header it stands for, so that it is kept from other hosts like every other header. */
function basicAuthorization({ username, password }: URL): { Authorization?: string } {
  if (username === "" && password === "") return {};
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
  return { Authorization: `Basic ${credentials}` };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that was never encoded: take the text as it stands.
    return text;
  }
}
