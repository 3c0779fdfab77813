import { createHttpClient, type HttpArguments, httpArgumentsOf } from "../http/index.ts";
import type { Clock } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import { type Answer, ask, memberText, statusError } from "./ask.ts";

/** etcd's v3 API as JSON (its "gRPC gateway"): 64-bit numbers are strings of digits, keys and values base64. */
export interface EtcdClient {
  /** The answer to a call such as `/v3/kv/range`; rejects with HttpError or ClusterError once no endpoint gave one. */
  call(path: string, body: unknown, signal: AbortSignal): Promise<unknown>;
  close(): void;
}

export interface EtcdClientOptions {
  readonly args: HttpArguments & { readonly endpoints: readonly string[] };
  /** Of one call, whatever the number of endpoints. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly userAgent: string;
}

/** A client that stays with an endpoint as long as it answers, and then goes on to the next. */
export function createEtcdClient({ args, timeoutMs, clock, log, userAgent }: EtcdClientOptions): EtcdClient {
  const client = createHttpClient({ args: httpArgumentsOf(args), clock, log });
  const endpoints = args.endpoints.map((endpoint) => endpoint.replace(/\/+$/, ""));
  let current = 0;
  const callOne = async (path: string, body: unknown, signal: AbortSignal): Promise<unknown> => {
    const endpoint = endpoints[current] as string;
    const options = { client, endpoint, timeoutMs: timeoutMs / endpoints.length, userAgent };
    const answer = await ask({ method: "POST", path, body, signal }, options);
    if (answer.status === 200) return answer.json;
    throw statusError(answer, wordsOf(answer));
  };
  return {
    async call(path, body, signal) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await callOne(path, body, signal);
        } catch (thrown) {
          if (signal.aborted) throw thrown;
          current = (current + 1) % endpoints.length;
          if (attempt >= endpoints.length) throw thrown;
        }
      }
    },
    close: () => client.close(),
  };
}

function wordsOf({ json, response }: Answer): string {
  return memberText(json, "message") || memberText(json, "error") || Buffer.from(response.body).toString();
}

/** Text as etcd's JSON carries it. */
export function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

export function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString();
}
