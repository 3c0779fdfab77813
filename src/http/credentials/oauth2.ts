import type { CredentialsOptions, Credentials } from "./credentials.ts";
import type { SecretSource } from "./secret-source.ts";
import { createTokenRequest, type OAuth2Arguments } from "./token-request.ts";
import { createTokenSource, type TokenSource } from "./token-source.ts";

export interface OAuth2Options extends CredentialsOptions {
  /** The client secret. */
  readonly secret: SecretSource;
}

/**
 * OAuth2 with the grant client_credentials (RFC 6749, 4.4; reference 4.3): the token that the client id and secret give, fetched
 * at first use. Another secret in the file means another token.
 */
export function createOAuth2Credentials(args: OAuth2Arguments, options: OAuth2Options): Credentials {
  const { secret, clock, log, tokenClient } = options;
  const { tls_config, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header } = args;
  const transport = { tls_config, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header };
  // A redirect is not followed: to repeat the request would hand the client secret to wherever it leads.
  const client = tokenClient({ ...transport, follow_redirects: false });
  // Tokens last for minutes or hours: no connection is kept from one to the next.
  client.close();
  const requestToken = createTokenRequest(args, client);
  let known: { readonly secret: string; readonly tokens: TokenSource } | undefined;

  const tokens = async (): Promise<TokenSource> => {
    const value = await secret.read();
    if (known?.secret !== value)
      known = { secret: value, tokens: createTokenSource(() => requestToken(value), { clock, log }) };
    return known.tokens;
  };
  return {
    authorization: async () => (await tokens()).current(),
    refused: async (value) => (await tokens()).refused(value),
  };
}
