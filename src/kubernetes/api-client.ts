import { type Clock, limits, listAt, preview, textAt, valueAt } from "../base/index.ts";
import { type BodySink, createHttpClient, type HttpResponse } from "../http/index.ts";
import type { Logger } from "../observability/index.ts";
import { AccountClient } from "./account-client.ts";
import { KubernetesError } from "./kubernetes-error.ts";
import { lineSplitter } from "./line-splitter.ts";
import type { KubernetesAccount } from "./pod-account.ts";
import { refusal, withAdvice } from "./refusal.ts";
import { pathOf, type Resource } from "./resources.ts";

/** Which objects are meant. */
export interface Selection {
  readonly resource: Resource;
  /** All, where it is left out. */
  readonly namespace?: string | undefined;
  readonly label?: string | undefined;
  readonly field?: string | undefined;
  /** Asks for nothing but the metadata of the objects. */
  readonly metadataOnly?: boolean;
  /** The objects are few: they may come from the API server's memory, all at once, which costs it least. */
  readonly few?: boolean;
}

export interface ObjectPage {
  readonly items: readonly unknown[];
  /** To watch from, once the last page is there. */
  readonly version: string;
  /** Asks for the next page; empty on the last. */
  readonly next: string;
}

/** What a watch tells: the object after the change, or before it was deleted. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: unknown;
}

export interface WatchOptions {
  readonly version: string;
  readonly signal: AbortSignal;
  /** The API server has accepted the watch. */
  readonly begin: () => void;
  /** What it throws ends the watch, which rejects with it. */
  readonly event: (event: WatchEvent) => void;
}

/** The API server of one account. Everything rejects with KubernetesError or HttpError. */
export interface ApiClient {
  list(selection: Selection, options: { readonly next: string; readonly signal: AbortSignal }): Promise<ObjectPage>;
  /** Resolves when the API server ends the watch, which it does after some minutes. */
  watch(selection: Selection, options: WatchOptions): Promise<void>;
  close(): void;
}

export interface ApiClientOptions {
  readonly account: KubernetesAccount;
  readonly clock: Clock;
  readonly log: Logger;
  readonly userAgent: string;
  readonly random?: () => number;
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  const { account, clock, log, userAgent, random = Math.random } = options;
  const client = new AccountClient({
    account,
    open: ({ http }) => createHttpClient({ args: { ...http, enable_http2: false }, clock, log }),
    clock,
  });
  const get = (selection: Selection, { query, ...request }: GetOptions): Promise<HttpResponse> =>
    client.run(async ({ account: as, http }) => {
      const path = `${pathOf(selection.resource, selection.namespace)}?${queryText(selection, query)}`;
      const asked = { account: as, selection, isWatch: request.sink !== undefined };
      const response = await http
        .request({
          method: "GET",
          url: `${as.server}${path}`,
          headers: { accept: acceptOf(selection, request.sink ? "" : "List"), "user-agent": userAgent },
          maxBytes: limits.discoveryBytes,
          timeoutMs: limits.kubernetesRequestMs,
          ...request,
        })
        .catch((thrown: unknown) => {
          throw withAdvice(thrown, asked);
        });
      if (response.status !== 200) throw refusal(response, asked);
      return response;
    });
  return {
    async list(selection, { next, signal }) {
      const paged = { limit: String(limits.kubernetesPageObjects), ...(next !== "" && { continue: next }) };
      const query = selection.few ? { resourceVersion: "0" } : paged;
      return pageOf(await get(selection, { query, signal }));
    },
    async watch(selection, { version, signal, begin, event }) {
      const { min, max } = limits.kubernetesWatchSeconds;
      const query = {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: version,
        timeoutSeconds: String(Math.round(min + random() * (max - min))),
      };
      let masked: (text: string) => string = String;
      const sink: BodySink = {
        idleMs: limits.kubernetesIdleMs,
        begin(mask) {
          masked = mask;
          begin();
        },
        take: lineSplitter({
          maxBytes: limits.kubernetesEventBytes,
          onLine: (line) => event(eventOf(line, masked)),
        }),
      };
      await get(selection, { query, signal, sink });
    },
    close: () => client.close(),
  };
}

interface GetOptions {
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly sink?: BodySink;
}

function queryText({ label, field }: Selection, query: Readonly<Record<string, string>>): string {
  const selectors = { ...(label && { labelSelector: label }), ...(field && { fieldSelector: field }) };
  return new URLSearchParams({ ...query, ...selectors }).toString();
}

/** An API server that cannot leave out the rest sends whole objects. */
function acceptOf({ metadataOnly }: Selection, form: "" | "List"): string {
  return metadataOnly
    ? `application/json;as=PartialObjectMetadata${form};g=meta.k8s.io;v=v1,application/json`
    : "application/json";
}

function pageOf(response: HttpResponse): ObjectPage {
  const list = parsed(Buffer.from(response.body).toString());
  const version = textAt(list, "metadata", "resourceVersion");
  if (version === "") throw badAnswer("the answer is no list of objects");
  return { items: listAt(list, "items"), version, next: textAt(list, "metadata", "continue") };
}

const eventTypes: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

/** An event; throws what an ERROR says. `masked` takes out of its words what the agent authenticated with. */
function eventOf(line: string, masked: (text: string) => string): WatchEvent {
  const { type, object } = parsed(line) as { type?: unknown; object?: unknown };
  if (typeof type === "string" && eventTypes.has(type)) return { type: type as WatchEvent["type"], object };
  if (type !== "ERROR") throw badAnswer("the watch tells of no event");
  const said = preview(masked(textAt(object, "message")), 200);
  throw new KubernetesError(
    valueAt(object, "code") === 410 ? "gone" : "status",
    `The API server ended a watch: "${said}"`,
  );
}

const isItOne = "is this the address of a Kubernetes API server?";

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch (cause) {
    throw new KubernetesError("bad_answer", `Cannot read the API server: its answer is not JSON; ${isItOne}`, {
      cause,
    });
  }
}

function badAnswer(why: string): KubernetesError {
  return new KubernetesError("bad_answer", `Cannot read the API server: ${why}; ${isItOne}`);
}
