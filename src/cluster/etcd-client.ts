import { type Clock, limits, textAt } from "../base/index.ts";
import {
  type BodySink,
  createHttpClient,
  createSecretSource,
  type HttpArguments,
  httpArgumentsOf,
} from "../http/index.ts";
import type { Logger } from "../observability/index.ts";
import { type Answer, type AskOptions, ask } from "./ask.ts";
import { checkIsEtcd, etcdRefusal } from "./etcd-refusal.ts";

/** etcd's v3 API as JSON (its "gRPC gateway"): 64-bit numbers are strings of digits, keys and values base64. */
export interface EtcdClient {
  /** The answer to a call such as `/v3/kv/range`; rejects with HttpError or ClusterError once no endpoint gave one. */
  call(path: string, body: unknown, signal: AbortSignal): Promise<unknown>;
  /** A call whose answer goes on: `heard` is called whenever something of it comes. Ends after `limits.clusterWatchMs` of silence, too. */
  listen(
    path: string,
    body: unknown,
    options: { readonly heard: () => void; readonly signal: AbortSignal },
  ): Promise<void>;
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
  // User name and password are for a token: etcd takes no Basic header, not even beside what needs no authentication.
  const { basic_auth: _, ...clientArgs } = httpArgumentsOf(args);
  const client = createHttpClient({ args: clientArgs, clock, log });
  const endpoints = args.endpoints.map((endpoint) => endpoint.replace(/\/+$/, ""));
  const tokens = createTokens(args, log);
  let current = 0;
  const callOne = async (call: Call): Promise<unknown> => {
    const endpoint = endpoints[current] as string;
    const options = { client, endpoint, timeoutMs: timeoutMs / endpoints.length, userAgent };
    const answer = await askWithToken(call, { ...options, tokens });
    if (answer.status !== 200) throw etcdRefusal(answer, wordsOf(answer));
    // What went on was taken as it came.
    if (!call.sink) checkIsEtcd(answer);
    return answer.json;
  };
  return {
    async call(path, body, signal) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await callOne({ path, body, signal });
        } catch (thrown) {
          if (signal.aborted) throw thrown;
          current = (current + 1) % endpoints.length;
          if (attempt >= endpoints.length) throw thrown;
        }
      }
    },
    async listen(path, body, { heard, signal }) {
      await callOne({ path, body, signal, sink: { idleMs: limits.clusterWatchMs, take: heard } });
    },
    close: () => client.close(),
  };
}

interface Call {
  readonly path: string;
  readonly body: unknown;
  readonly sink?: BodySink;
  readonly signal: AbortSignal;
}

/** etcd's own authentication: a token for a user name and a password, which etcd forgets after some minutes and at its restart. */
interface Tokens {
  readonly current: string | undefined;
  /** Gets another one; undefined where there is no user name. */
  renew(signal: AbortSignal, options: AskOptions): Promise<string | undefined>;
}

function createTokens({ basic_auth: user }: HttpArguments, log: Logger): Tokens {
  const places = { inline: user?.password, path: user?.password_file, what: "the password of etcd" };
  const password = createSecretSource(places, log);
  let current: string | undefined;
  return {
    get current() {
      return current;
    },
    async renew(signal, options) {
      if (!user) return undefined;
      const body = { name: user.username ?? "", password: await password.read() };
      const answer = await ask({ method: "POST", path: "/v3/auth/authenticate", body, signal }, options);
      if (answer.status !== 200) throw etcdRefusal(answer, wordsOf(answer));
      current = textAt(answer.json, "token");
      return current;
    },
  };
}

/** Asks; once more with a new token where etcd wants one. */
async function askWithToken(
  { path, body, sink, signal }: Call,
  { tokens, ...options }: AskOptions & { readonly tokens: Tokens },
): Promise<Answer> {
  const askWith = (token: string | undefined): Promise<Answer> => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
    return ask({ method: "POST", path, body, headers, signal, ...(sink && { sink }) }, options);
  };
  const answer = await askWith(tokens.current);
  if (!wantsToken(answer)) return answer;
  const token = await tokens.renew(signal, options);
  return token === undefined ? answer : askWith(token);
}

/** As etcd words it, with status 401 and 400. */
function wantsToken(answer: Answer): boolean {
  return answer.status !== 200 && /invalid auth token|user name is empty|revision in auth/.test(wordsOf(answer));
}

function wordsOf({ json, response }: Answer): string {
  return textAt(json, "message") || textAt(json, "error") || Buffer.from(response.body).toString();
}

/** Text as etcd's JSON carries it. */
export function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

export function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString();
}
