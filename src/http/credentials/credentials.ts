import type { Clock } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { HttpArguments } from "../arguments.ts";
import { basicHeader } from "./basic-header.ts";
import type { HttpClient } from "../client.ts";
import { createOAuth2Credentials } from "./oauth2.ts";
import { createSecretSource, type SecretSource } from "./secret-source.ts";

/** What authenticates the requests of one client. */
export interface Credentials {
  /** The value of the header `Authorization` for the next request. Rejects with an HttpError, reason `credentials`. */
  authorization(): Promise<string>;
  /**
   * Told that the server answered 401 to this value. Resolves with whether another one is worth a second attempt: a token
   * fetched anew, or a file that changed meanwhile. Rejects with an HttpError, reason `credentials`, where a token cannot be replaced.
   */
  refused(value: string): Promise<boolean>;
}

export interface CredentialsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the client for the token requests of `oauth2`, which have TLS and proxy arguments of their own. */
  readonly tokenClient: (args: HttpArguments) => HttpClient;
}

/** The credentials that the arguments ask for; `undefined` where they ask for none. */
export function createCredentials(args: HttpArguments, options: CredentialsOptions): Credentials | undefined {
  const { basic_auth, authorization, oauth2, bearer_token, bearer_token_file } = args;
  const secretOf = (inline: typeof bearer_token, path: string | undefined, what: string): SecretSource =>
    createSecretSource({ inline, path, what }, options.log);
  if (basic_auth) {
    const { username = "", password, password_file } = basic_auth;
    return fromSecret(secretOf(password, password_file, "password"), (secret) => basicHeader(username, secret));
  }
  if (authorization) {
    const type = authorization.type.trim() || "Bearer";
    const { credentials, credentials_file } = authorization;
    return fromSecret(secretOf(credentials, credentials_file, "credentials"), (secret) => `${type} ${secret}`);
  }
  if (oauth2) {
    const { client_secret, client_secret_file } = oauth2;
    const secret = secretOf(client_secret, client_secret_file, "client secret");
    return createOAuth2Credentials(oauth2, { ...options, secret });
  }
  if (bearer_token === undefined && bearer_token_file === undefined) return undefined;
  return fromSecret(secretOf(bearer_token, bearer_token_file, "bearer token"), (secret) => `Bearer ${secret}`);
}

/** Credentials that are one secret, put into a header. */
function fromSecret(secret: SecretSource, headerOf: (secret: string) => string): Credentials {
  // No secret leaves the type alone, and HTTP knows no white space at the end of a value.
  const authorization = async (): Promise<string> => headerOf(await secret.read()).trimEnd();
  return {
    authorization,
    refused: async (value) => secret.isFile && (await authorization()) !== value,
  };
}
