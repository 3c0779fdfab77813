import { type Clock, systemClock } from "../base/index.ts";
import type { HttpArguments } from "./arguments.ts";
import { credentialWarnings } from "./credentials/credential-warnings.ts";
import { plainHttpWarning } from "./credentials/plain-http-warning.ts";
import { noProxyProblems } from "./proxy/no-proxy.ts";
import { tlsWarnings } from "./tls/tls-warnings.ts";

export interface HttpWarningOptions {
  readonly args: HttpArguments;
  /** Headers beside `http_headers`. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** What is requested, as far as it is known. */
  readonly urls: readonly string[];
  /** Whether more is requested than `urls` holds, such as what is discovered. */
  readonly moreUrls?: boolean;
  /** The system's by default. */
  readonly clock?: Clock;
}

/**
 * What is legal in the client's arguments, but probably not meant, and files that cannot be used as they are now; a sentence each. Not
 * errors: the originals load all of it, and a file may be there later.
 */
export async function httpWarnings(options: HttpWarningOptions): Promise<readonly string[]> {
  const { args, headers, urls, moreUrls = false, clock = systemClock } = options;
  const exposed = plainHttpWarning({ args, ...(headers && { headers }), urls });
  const { oauth2 } = args;
  const ofTokens = oauth2 ? await wayWarnings(oauth2, { urls: [oauth2.token_url], clock }) : [];
  return [
    ...(exposed === undefined ? [] : [exposed]),
    ...(await credentialWarnings(args)),
    ...(await wayWarnings(args, { urls: moreUrls ? [] : urls, clock })),
    ...ofTokens.map((warning) => `oauth2.${warning}`),
  ];
}

type Way = Pick<HttpArguments, "tls_config" | "proxy_url" | "no_proxy" | "proxy_from_environment">;

interface WayOptions {
  /** All that is requested; none where that is not known. */
  readonly urls: readonly string[];
  readonly clock: Clock;
}

async function wayWarnings(way: Way, { urls, clock }: WayOptions): Promise<readonly string[]> {
  const { tls_config, proxy_url, no_proxy = "", proxy_from_environment = false } = way;
  // An https proxy is spoken to with TLS too; the environment may name one.
  const usesTls = proxy_from_environment || [...urls, proxy_url?.reveal() ?? ""].some((url) => /^https:/i.test(url));
  const unused = urls.length > 0 && !usesTls;
  return [
    ...noProxyProblems(no_proxy).map((problem) => `no_proxy: ${problem}`),
    ...(tls_config ? await tlsWarnings(tls_config, { unused, clock }) : []),
  ];
}
