import { limits, preview } from "../base/index.ts";
import {
  answererOf,
  type BodySink,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  responseHint,
} from "../http/index.ts";
import { ClusterError } from "./engine.ts";

/** A question to the engine, in JSON. */
export interface Question {
  readonly method: HttpRequest["method"];
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes the body of a success as it comes. */
  readonly sink?: BodySink;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** Whatever JSON came; undefined where none did. */
  readonly json: unknown;
  readonly response: HttpResponse;
  /** `POST "http://127.0.0.1:2379/v3/kv/txn"`, for messages. */
  readonly asked: string;
}

export interface AskOptions {
  readonly client: HttpClient;
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly userAgent: string;
}

/** Asks one endpoint once. Rejects with HttpError where no answer came. */
export async function ask(question: Question, options: AskOptions): Promise<Answer> {
  const { method, path, body, headers = {}, sink, signal } = question;
  const { client, endpoint, timeoutMs, userAgent } = options;
  const url = endpoint + path;
  const response = await client.request({
    method,
    url,
    headers: { accept: "application/json", "content-type": "application/json", "user-agent": userAgent, ...headers },
    ...(sink && { sink }),
    ...(body !== undefined && { body: [Buffer.from(JSON.stringify(body))] }),
    maxBytes: limits.clusterAnswerBytes,
    timeoutMs,
    signal,
  });
  const asked = `${method} "${preview(url.replace(/\?.*/, ""), 128)}"`;
  return { status: response.status, json: parsed(Buffer.from(response.body).toString()), response, asked };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An error in words, or whatever else answers there: who asks knows what it should be.
    return undefined;
  }
}

/** The error that a success of somebody else is; `whose` answer it should be. */
export function foreignAnswer({ asked, response }: Answer, whose: string, advice: string): ClusterError {
  const body = preview(Buffer.from(response.body).toString());
  const what = body === "" ? "is empty" : `is not ${whose}: "${body}"`;
  return new ClusterError("bad_answer", `The answer to ${asked} ${what}; ${advice}`);
}

/** The error that an answer is; `said` are the engine's own words, and `advice` what to do where the way of the request tells nothing. */
export function statusError({ asked, response }: Answer, said: string, advice?: string): ClusterError {
  const whose = answererOf(response, "the server");
  const words = said && ` and "${preview(said, 200)}"`;
  const hint = responseHint(response) ?? advice;
  return new ClusterError(
    "status",
    `${capitalized(whose)} answered ${asked} with HTTP status ${response.status}${words}${hint === undefined ? "" : `; ${hint}`}`,
  );
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
