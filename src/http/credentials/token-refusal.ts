import { AgentError, maskedSecret, preview } from "../../base/index.ts";
import { shownUrl } from "../../schema/index.ts";

/** What a token server answered in place of a token. */
export interface TokenAnswer {
  /** `host:port` of the token URL. */
  readonly host: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly location: string | null;
}

/** A token server's no, in its own words. */
export class TokenRefusal extends AgentError<"credentials"> {
  readonly status: number;
  /** The `error` of RFC 6749, 5.2; empty where there was none. */
  readonly code: string;

  constructor(answer: TokenAnswer, hidden: readonly string[]) {
    const { host, status, fields } = answer;
    const code = typeof fields["error"] === "string" ? fields["error"] : "";
    super("credentials", `Cannot get an access token from "${host}": ${said(answer, hidden)}; ${advice(status, code)}`);
    this.status = status;
    this.code = code;
  }

  /** Whether naming the client in the other of the two styles may help. */
  get mayBeTheStyle(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 429 && !styleIndependent.has(this.code);
  }

  /** The one that says more: what a server says to a style which it does not know is of no use to anybody. */
  orMoreTelling(other: unknown): TokenRefusal {
    return other instanceof TokenRefusal && other.#rank > this.#rank ? other : this;
  }

  get #rank(): number {
    const at = ["", "invalid_request", "invalid_client"].indexOf(this.code);
    return at === -1 ? Infinity : at;
  }
}

const styleIndependent: ReadonlySet<string> = new Set(["invalid_scope", "invalid_grant", "unsupported_grant_type"]);

const maxWords = 200;

function said({ status, fields, text, location }: TokenAnswer, hidden: readonly string[]): string {
  if (location !== null && status >= 300 && status < 400)
    return `it answered ${status}, a redirect to "${preview(shownUrl(location), maxWords)}"`;
  const described = [fields["error"], fields["error_description"]].filter((part) => typeof part === "string" && part);
  if (status < 300 && described.length === 0) return `it answered ${status} ${inPlaceOfToken(text, hidden)}`;
  const words = described.join(": ") || (isHtml(text) ? "" : text);
  const shown = preview(masked(words, hidden), maxWords);
  return shown === "" ? `it answered ${status} without a reason` : `it answered ${status} with "${shown}"`;
}

/** Of anything but a page nothing is shown: it may hold a token under another name. */
function inPlaceOfToken(text: string, hidden: readonly string[]): string {
  return isHtml(text)
    ? `with HTML "${preview(masked(text, hidden))}", which is no token response`
    : "without an access_token, so that it is no token response";
}

function isHtml(text: string): boolean {
  return text.trimStart().startsWith("<");
}

/** Servers repeat in their errors what they were sent. */
function masked(words: string, hidden: readonly string[]): string {
  return hidden.reduce((text, secret) => text.replaceAll(secret, maskedSecret), words);
}

function advice(status: number, code: string): string {
  if (status >= 300 && status < 400) return "set token_url to where the tokens really come from";
  if (status === 404 || status === 405 || (status < 300 && code === "")) return "check token_url";
  if (status === 429 || status >= 500) return "it is asked again later; if this lasts, look at the token server's log";
  return adviceByCode[code] ?? "check client_id, client_secret and scopes";
}

const adviceByCode: Readonly<Record<string, string>> = {
  invalid_client: "check client_id and client_secret",
  invalid_scope: "check scopes",
  unauthorized_client: "check client_id, and that the server gives this client tokens for the grant client_credentials",
  unsupported_grant_type: "check that the server knows the grant client_credentials",
  invalid_request: "check client_id, client_secret, scopes and endpoint_params",
  invalid_target: "check endpoint_params",
};
