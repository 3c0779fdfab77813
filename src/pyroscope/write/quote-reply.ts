import { preview } from "../../base/index.ts";
import { answererOf, type HttpResponse } from "../../http/index.ts";
import { readConnectError, type ConnectError } from "./connect-error.ts";
import { writeLimits } from "./limits.ts";

/** An answer that is no success, as far as its body tells who gave it and what was said. */
export interface QuotedReply {
  /** The error of a server that speaks Connect. */
  readonly error: ConnectError | undefined;
  /** Whether it is a page for people, which nothing behind the Push API makes: something in front of it has answered. */
  readonly isPage: boolean;
  /** What was said, as the end of a sentence. */
  readonly words: string;
}

export function quoteReply(response: HttpResponse): QuotedReply {
  const said = new TextDecoder().decode(response.body);
  const text = response.masked?.(said) ?? said;
  const error = readConnectError(text);
  if (error) return { error, isPage: false, words: `"${preview(error.message, writeLimits.serverWords)}"` };
  const isPage = /^\s*text\/html/i.test(response.headers["content-type"] ?? "") || text.trimStart().startsWith("<");
  return { error, isPage, words: isPage ? `"${preview(wordsOfPage(text), writeLimits.pageWords)}"` : quoted(text) };
}

function quoted(text: string): string {
  const words = preview(text, writeLimits.serverWords);
  if (words === "") return "with nothing in it";
  // Not decodable, or an encoding that nobody asked for.
  return text.includes("\ufffd") || text.includes("\0") ? "with something that is no text" : `"${words}"`;
}

/** Who answered, as the subject of a sentence; with the name that it gives itself where it is not the Push API. */
export function subjectOf(response: HttpResponse, { error, isPage }: QuotedReply): string {
  if (error) return answererOf(response, "the server");
  const { forwarder, redirectedTo } = response.request ?? {};
  const unknownProxy = isPage && response.status >= 400 && forwarder === undefined && redirectedTo === undefined;
  const name = response.headers["server"] ?? "";
  const subject = unknownProxy ? "a proxy in between" : answererOf(response, "the server");
  return shortName.test(name) ? `${subject} (${name})` : subject;
}

/** `nginx/1.27.3`, `awselb/2.0`, `Microsoft-IIS/10.0` */
const shortName = /^[\w./-]{1,40}$/;

/** The title of a page, which says what happened in the fewest words; else all it says. */
function wordsOfPage(html: string): string {
  const start = html.slice(0, writeLimits.serverWords);
  const [, title = ""] = /<title[^>]*>([^<]+)/i.exec(start) ?? [];
  return title.trim() || start.replace(/<[^>]*>?/g, " ");
}
