import type { Client, ClientAuth, CustomFetchOptions } from "oauth4webapi";
import { AgentError, errorMessage, limits, preview } from "../../base/index.ts";
import { shownUrl } from "../../schema/index.ts";
import type { HttpArguments } from "../arguments.ts";
import { basicHeader } from "./basic-header.ts";
import type { HttpClient } from "../client.ts";
import { hostOf } from "../http-error.ts";
import { TokenRefusal } from "./token-refusal.ts";
import type { Token } from "./token-source.ts";

export type OAuth2Arguments = NonNullable<HttpArguments["oauth2"]>;

/** How the client names itself (RFC 6749, 2.3.1): in the Authorization header, or in the form. */
type Style = "basic" | "form";

/**
 * Asks the token URL for tokens. Servers take one of two styles and do not say which: the first that gives a token is
 * remembered. Rejects with an HttpError, reason `credentials`.
 */
export function createTokenRequest(args: OAuth2Arguments, client: HttpClient): (secret: string) => Promise<Token> {
  let known: Style | undefined;
  const attempt = async (style: Style, secret: string): Promise<Token> => {
    const token = await requestToken(args, { client, style, secret });
    known = style;
    return token;
  };
  return async (secret) => {
    try {
      return await attempt(known ?? "basic", secret);
    } catch (first) {
      if (known || !(first instanceof TokenRefusal) || !first.mayBeTheStyle) throw first;
      return attempt("form", secret).catch((second: unknown) => {
        throw first.orMoreTelling(second);
      });
    }
  };
}

interface RequestOptions {
  readonly client: HttpClient;
  readonly style: Style;
  readonly secret: string;
}

async function requestToken(args: OAuth2Arguments, { client, style, secret }: RequestOptions): Promise<Token> {
  const oauth = await import("oauth4webapi");
  const url = new URL(args.token_url);
  const host = hostOf(url);
  const server = { issuer: url.origin, token_endpoint: url.href };
  const identity: Client = { client_id: args.client_id };
  const { grant_type: grantType = "client_credentials", ...parameters } = parametersOf(args);
  try {
    const answer = await oauth.genericTokenEndpointRequest(
      server,
      identity,
      style === "form" ? oauth.ClientSecretPost(secret) : clientSecretBasic(secret),
      grantType,
      parameters,
      {
        headers: { "user-agent": "pprof-agent" },
        [oauth.allowInsecureRequests]: true,
        [oauth.customFetch]: fetchThrough(client),
      },
    );
    const text = await answer.text();
    const fields = fieldsOf(text);
    if (!answer.ok || fields["error"] !== undefined || !isToken(fields["access_token"])) {
      const said = { host, status: answer.status, fields, text, location: answer.headers.get("location") };
      throw new TokenRefusal(said, shapesOf(args, secret));
    }
    const type = schemeOf(fields["token_type"]);
    const { access_token, expires_in } = await oauth.processGenericTokenEndpointResponse(
      server,
      identity,
      Response.json({ access_token: fields["access_token"], token_type: type, expires_in: fields["expires_in"] }),
      { recognizedTokenTypes: { [type.toLowerCase()]: () => {} } },
    );
    return { header: `${type} ${access_token}`, lifetimeMs: expires_in ? expires_in * 1000 : undefined };
  } catch (thrown) {
    throw thrown instanceof TokenRefusal ? thrown : tokenError(thrown, url);
  }
}

/** The parameters of reference 4.3. */
function parametersOf(args: OAuth2Arguments): Record<string, string> {
  const { scopes = [] } = args;
  return { ...(scopes.length > 0 && { scope: scopes.join(" ") }), ...revealedParameters(args) };
}

function revealedParameters({ endpoint_params = {} }: OAuth2Arguments): Record<string, string> {
  return Object.fromEntries(Object.entries(endpoint_params).map(([name, value]) => [name, value.reveal()]));
}

/**
 * The library's own also encodes "-", "." and "_", which servers that do not decode, and there are some, take for another id.
 */
function clientSecretBasic(secret: string): ClientAuth {
  return (_server, { client_id }, _body, headers) =>
    headers.set("authorization", basicHeader(formEncoded(client_id), formEncoded(secret)));
}

function formEncoded(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

const never = new AbortController().signal;

/** Our client in the shape of fetch. The token is for all requests of a client, so that none of them can cancel it. */
function fetchThrough(client: HttpClient) {
  return async (url: string, { headers, body }: CustomFetchOptions<"POST", URLSearchParams>): Promise<Response> => {
    const response = await client.request({
      method: "POST",
      url,
      headers,
      body: [Buffer.from(body.toString())],
      maxBytes: limits.tokenResponseBytes,
      timeoutMs: limits.tokenRequestMs,
      signal: never,
    });
    // Some statuses must not have a body, not even an empty one.
    return new Response(response.body.length > 0 ? Buffer.from(response.body) : null, response);
  };
}

/** The members of a JSON object that are not null; older servers answer with a form instead. */
function fieldsOf(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return Object.fromEntries(Object.entries(Object(parsed)).filter(([, value]) => value !== null));
  } catch {
    return Object.fromEntries(new URLSearchParams(text.trim()));
  }
}

function isToken(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** The scheme of the Authorization header; schemes know no case, but not every server knows that. */
function schemeOf(tokenType: unknown): string {
  if (typeof tokenType !== "string" || tokenType.toLowerCase() === "bearer") return "Bearer";
  return tokenType;
}

/** Every shape in which a secret was sent, for looking for it in what came back. */
function shapesOf(args: OAuth2Arguments, secret: string): string[] {
  const { client_id } = args;
  const { grant_type: _, ...parameters } = revealedParameters(args);
  const header = basicHeader(formEncoded(client_id), formEncoded(secret)).slice("Basic ".length);
  // One letter would mask every word.
  const values = [secret, ...Object.values(parameters).filter((value) => value.length > 3)].filter(Boolean);
  return [header, ...values, ...values.map(formEncoded)];
}

/** The error for everything but a refusal: no answer, or one without a token. */
function tokenError(thrown: unknown, url: URL): AgentError<"credentials"> {
  if (thrown instanceof AgentError) {
    const message = `Cannot get an access token from token_url "${preview(shownUrl(url.href), 128)}": ${thrown.message}`;
    return new AgentError("credentials", message, { cause: thrown });
  }
  // Without a cause: errors of the library carry the answer, and so what may be a token.
  const problem = `${errorMessage(thrown)}; check token_url`;
  return new AgentError("credentials", `Cannot get an access token from "${hostOf(url)}": ${problem}`);
}
