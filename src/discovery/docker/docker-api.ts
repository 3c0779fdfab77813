import * as v from "valibot";
import { AgentError, limits, preview } from "../../base/index.ts";
import { createHttpClient, type HttpResponse, isUnixUrl } from "../../http/index.ts";
import { shownUrl } from "../../schema/index.ts";
import { answeredJson } from "../answered-json.ts";
import { DiscoveryError } from "../discovery-error.ts";
import type { FinderContext } from "../finder.ts";
import { statusError } from "../status-error.ts";
import type { DockerFilter, DockerHostArguments } from "./docker-arguments.ts";
import { dockerUrl } from "./docker-host.ts";

export interface DockerQuestion<Answer> {
  /** `/containers/json` */
  readonly path: string;
  /** For messages: `the containers`. */
  readonly what: string;
  readonly schema: v.GenericSchema<unknown, Answer>;
  readonly signal: AbortSignal;
  readonly filters?: readonly DockerFilter[] | undefined;
  /** Less than that of the API. */
  readonly timeoutMs?: number;
}

/** The HTTP API of a Docker daemon, or of Podman. */
export interface DockerApi {
  /** Rejects with an HttpError or a DiscoveryError. */
  get<Answer>(question: DockerQuestion<Answer>): Promise<Answer>;
  /** Whether Podman answered last. */
  readonly isPodman: boolean;
  close(): void;
}

export interface DockerApiOptions extends Pick<FinderContext, "clock" | "log" | "userAgent"> {
  readonly args: DockerHostArguments;
  readonly timeoutMs: number;
}

/**
 * Asks without a version in the path: the daemon answers with its newest, in which all that is read here has been the same since
 * API 1.24. A version of ours would be refused by daemons that are too old for it, and by those that have dropped it.
 */
export function createDockerApi({ args, timeoutMs, clock, log, userAgent }: DockerApiOptions): DockerApi {
  const client = createHttpClient({ args, clock, log });
  const withTls = args.tls_config !== undefined;
  let isPodman = false;
  return {
    get isPodman() {
      return isPodman;
    },
    async get({ path, what, schema, signal, filters = [], timeoutMs: ownMs = timeoutMs }) {
      const cannot = `Cannot list ${what} of "${shownUrl(args.host)}"`;
      const url = dockerUrl(args.host, `${path}${filterQuery(filters)}`, { withTls });
      const request = { method: "GET", url, headers: { "user-agent": userAgent }, signal } as const;
      try {
        const response = await client.request({
          ...request,
          timeoutMs: Math.min(ownMs, timeoutMs),
          maxBytes: limits.discoveryBytes,
        });
        isPodman = "libpod-api-version" in response.headers;
        if (response.status !== 200)
          throw statusError(response, { cannot, said: messageOf(response.body), maxLength: 200, notFound: checkHost });
        return await parse(schema, response, cannot);
      } catch (thrown) {
        throw isUnixUrl(args.host) ? withGroupAdvice(thrown, cannot) : thrown;
      }
    },
    close: () => client.close(),
  };
}

const checkHost = "correct host, if it is not the address of the API of Docker or Podman";

/** The values of filters of one name together: `?filters={"label":["a","b"]}`. */
function filterQuery(filters: readonly DockerFilter[]): string {
  if (filters.length === 0) return "";
  const byName = new Map<string, readonly string[]>();
  for (const { name, values } of filters) byName.set(name, [...(byName.get(name) ?? []), ...values]);
  return `?filters=${encodeURIComponent(JSON.stringify(Object.fromEntries(byName)))}`;
}

/** The most usual problem: the socket belongs to root and a group that the agent is not in. */
function withGroupAdvice(thrown: unknown, cannot: string): unknown {
  if (!(thrown instanceof AgentError) || thrown.reason !== "unreachable") return thrown;
  const advice =
    'usually by adding it to the group of the socket, "docker", and starting the agent again (whoever may write to this socket can become root)';
  return new DiscoveryError("permission", `${cannot}: ${thrown.message}, ${advice}`, { cause: thrown });
}

/** Docker wraps its words: `{"message": "..."}`. */
function messageOf(body: Uint8Array): string {
  const text = Buffer.from(body).toString();
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}

async function parse<Answer>(
  schema: v.GenericSchema<unknown, Answer>,
  { body, masked }: HttpResponse,
  cannot: string,
): Promise<Answer> {
  const json = await answeredJson(Buffer.from(body).toString(), { cannot, masked, advice: checkHost });
  const { success, output, issues } = v.safeParse(schema, json, { abortEarly: true });
  if (success) return output;
  const [issue] = issues;
  const at = v.getDotPath(issue);
  const problem = `${at === null ? "" : `"${preview(at)}": `}${preview(issue.message, 200)}`;
  throw new DiscoveryError("bad_answer", `${cannot}: the answer is not Docker's: ${problem}; ${checkHost}`);
}
