import type { SecureVersion } from "node:tls";
import { AgentError, type Clock } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import { type ClientCertificate, createClientCertificate } from "./client-certificate.ts";
import { certificateProblem, certificatesIn } from "./pem.ts";
import type { TlsArguments } from "./tls-arguments.ts";
import { createTlsFiles } from "./tls-files.ts";

/** How a TLS connection is made, in the words of node:tls. What is not set is Node's default: system trust, the URL's host. */
export interface TlsOptions {
  /** These authorities are trusted, and the system's are not. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: SecureVersion;
}

/** The TLS side of one client. */
export interface TlsSettings {
  /**
   * The options of the next connection: the same object until a file changed. A promise only where files have to be looked at.
   * Rejects with an HttpError, reason `tls`.
   */
  current(): TlsOptions | Promise<TlsOptions>;
}

export interface TlsSettingsOptions {
  readonly log: Logger;
  /** Tells whether the client's certificate has expired; the system's by default. */
  readonly clock?: Clock;
}

/**
 * The settings that the arguments ask for. While a file is being replaced, what it held before stays in use; so do certificate and
 * key together while the new ones do not fit each other.
 */
export function createTlsSettings(args: Partial<TlsArguments> = {}, options: TlsSettingsOptions): TlsSettings {
  const assemble = createAssembly(args, options);
  const { ca_file, cert_file, key_file } = args;
  if (ca_file === undefined && cert_file === undefined && key_file === undefined) {
    return {
      current: () => attempt(() => assemble({ ca: args.ca_pem, cert: args.cert_pem, key: args.key_pem?.reveal() })),
    };
  }
  const { ca, cert, key } = createTlsFiles(args, options.log);
  return {
    async current() {
      const [caText, certText, keyText] = await Promise.all([ca?.read(), cert?.read(), key?.read()]);
      return assemble({
        ca: caText ?? args.ca_pem,
        cert: certText ?? args.cert_pem,
        key: keyText ?? args.key_pem?.reveal(),
      });
    },
  };
}

interface Texts {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Makes options of texts; the same object for the same texts. Throws an HttpError, reason `tls`. */
function createAssembly(args: Partial<TlsArguments>, options: TlsSettingsOptions): (texts: Texts) => TlsOptions {
  const { server_name, insecure_skip_verify = false, min_version = "TLS12" } = args;
  const fixed = {
    ...(server_name && { servername: server_name }),
    rejectUnauthorized: !insecure_skip_verify,
    minVersion: minVersions[min_version],
  };
  const names = { certificate: args.cert_file ?? "cert_pem", key: args.key_file ?? "key_pem" };
  const pairOf = createClientCertificate(names, options);
  let last: { ca: string | undefined; pair: ClientCertificate | undefined; options: TlsOptions } | undefined;
  return ({ ca, cert, key }) => {
    const pair = cert !== undefined && key !== undefined ? pairOf(cert, key) : undefined;
    if (last && last.ca === ca && last.pair === pair) return last.options;
    const trusted = ca === undefined ? undefined : trustedIn(ca, { path: args.ca_file, log: options.log });
    const made = { ...fixed, ...(trusted && { ca: trusted }), ...(pair && { cert: pair.cert, key: pair.key }) };
    last = { ca, pair, options: made };
    return made;
  };
}

const minVersions = { TLS10: "TLSv1", TLS11: "TLSv1.1", TLS12: "TLSv1.2", TLS13: "TLSv1.3" } as const;

function trustedIn(text: string, { path, log }: { path: string | undefined; log: Logger }): string {
  const { certificates, unreadable } = certificatesIn(text);
  // Never to go on with the system's trust where narrower trust is asked for.
  if (certificates.length === 0)
    throw new AgentError(
      "tls",
      `Cannot use the certificate authorities of "${path ?? "ca_pem"}": ${certificateProblem(text)}`,
    );
  if (unreadable > 0) log.warn("Some certificate authorities cannot be read and are left out", { path, unreadable });
  return certificates.join("\n");
}

function attempt<T>(make: () => T): T | Promise<T> {
  try {
    return make();
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}
