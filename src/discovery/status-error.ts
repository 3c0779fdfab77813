import { preview } from "../base/index.ts";
import { answererOf, type HttpResponse, responseHint } from "../http/index.ts";
import { lookAtServer } from "./advised.ts";
import { DiscoveryError } from "./discovery-error.ts";

export interface StatusErrorOptions {
  /** How the message begins: `Cannot take targets from "http://sd/targets"`. */
  readonly cannot: string;
  /** What of the body is said, and how much of that at most; all of it, shortly, by default. */
  readonly said?: string;
  readonly maxLength?: number;
  /** What to do about a 404. */
  readonly notFound: string;
}

/** What an answer with a status other than 200 comes to. */
export function statusError(
  response: HttpResponse,
  { cannot, said, maxLength, notFound }: StatusErrorOptions,
): DiscoveryError {
  const { status, body } = response;
  const text = preview(said ?? Buffer.from(body).toString(), maxLength);
  const hint = responseHint(response) ?? statusAdvice(response, notFound);
  return new DiscoveryError(
    "status",
    `${cannot}: ${answererOf(response, "the server")} answered HTTP status ${status}${text ? ` with "${text}"` : ""}${hint ? `; ${hint}` : ""}`,
    { status },
  );
}

function statusAdvice({ status, request }: HttpResponse, notFound: string): string | undefined {
  if (status >= 500) return lookAtServer;
  switch (status) {
    case 401:
      return request?.credentials === "sent"
        ? "correct the credentials that the component sends, or renew them where they have expired"
        : "give the component the credentials that the server wants, for example basic_auth or bearer_token_file: it sends none";
    case 403:
      return request?.credentials === "sent"
        ? "give the credentials that the component sends the right to this, or send others"
        : "give the component credentials that have the right to this, for example basic_auth or bearer_token_file: it sends none";
    case 404:
      return notFound;
    case 429:
      return "ask less often, with a longer refresh_interval";
    default:
      return undefined;
  }
}
