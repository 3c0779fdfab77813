import { X509Certificate } from "node:crypto";
import { AgentError, type Clock } from "../../base/index.ts";
import { silentLogger } from "../../observability/index.ts";
import { type Reading, readOrProblem } from "../read-or-problem.ts";
import type { WatchedFile } from "../watched-file.ts";
import { createClientCertificate } from "./client-certificate.ts";
import { certificatesIn } from "./pem.ts";
import type { TlsArguments } from "./tls-arguments.ts";
import { createTlsFiles } from "./tls-files.ts";

export interface TlsWarningOptions {
  /** Whether it is known that no connection with TLS is made. */
  readonly unused: boolean;
  /** Tells which certificates have expired. */
  readonly clock: Clock;
}

/**
 * What of a `tls_config` is without effect or accepts too much, and files that cannot be used as they are now: a sentence each, after
 * the argument.
 */
export async function tlsWarnings(tls: TlsArguments, { unused, clock }: TlsWarningOptions): Promise<readonly string[]> {
  const files = createTlsFiles(tls, silentLogger);
  const [ca, cert, key] = await Promise.all([
    readingOf(files.ca, tls.ca_pem),
    readingOf(files.cert, tls.cert_pem),
    readingOf(files.key, tls.key_pem?.reveal()),
  ]);
  const warnings = unused
    ? ["without effect, because nothing is requested over https; set the scheme to https, or remove it"]
    : verificationWarnings(tls);
  return [
    ...warnings.map((warning) => `tls_config: ${warning}`),
    ...problemOf("ca_file", ca),
    ...expiredAuthorities(tls, { ca, clock }),
    ...problemOf("cert_file", cert),
    ...problemOf("key_file", key),
    ...clientCertificateWarnings(tls, { cert, key, clock }),
  ];
}

function verificationWarnings({ insecure_skip_verify, ca_file, ca_pem }: TlsArguments): readonly string[] {
  if (!insecure_skip_verify) return [];
  const name = ca_file !== undefined ? "ca_file" : ca_pem !== undefined ? "ca_pem" : undefined;
  return [
    name === undefined
      ? "insecure_skip_verify accepts any certificate, also that of whoever sits in between; put the server's own into ca_file instead"
      : `insecure_skip_verify accepts any certificate, so that ${name} is without effect; remove insecure_skip_verify`,
  ];
}

async function readingOf(file: WatchedFile | undefined, inline: string | undefined): Promise<Reading | undefined> {
  if (file) return readOrProblem(file);
  return inline === undefined ? undefined : { text: inline };
}

function problemOf(name: string, reading: Reading | undefined): readonly string[] {
  return reading && "problem" in reading ? [`tls_config.${name}: ${reading.problem}`] : [];
}

interface Authorities {
  readonly ca: Reading | undefined;
  readonly clock: Clock;
}

/** One that is still valid may be the one that counts. */
function expiredAuthorities({ ca_file }: TlsArguments, { ca, clock }: Authorities): readonly string[] {
  if (!ca || "problem" in ca) return [];
  const ends = certificatesIn(ca.text).certificates.map((pem) => Date.parse(new X509Certificate(pem).validTo));
  const lastMs = Math.max(...ends);
  if (lastMs > clock.now()) return [];
  const [name, place] = ca_file === undefined ? ["ca_pem", ""] : ["ca_file", ` of "${ca_file}"`];
  return [
    `tls_config.${name}: The certificates${place} have all expired, the last ${on(lastMs)}; put newer ones there`,
  ];
}

interface Client {
  readonly cert: Reading | undefined;
  readonly key: Reading | undefined;
  readonly clock: Clock;
}

function clientCertificateWarnings(tls: TlsArguments, { cert, key, clock }: Client): readonly string[] {
  if (!cert || !key || "problem" in cert || "problem" in key) return [];
  const { cert_file, cert_pem, key_file } = tls;
  const name = cert_pem === undefined ? "cert_file" : "cert_pem";
  const names = { certificate: cert_file ?? "cert_pem", key: key_file ?? "key_pem" };
  try {
    const { expiresMs } = createClientCertificate(names, { log: silentLogger, clock })(cert.text, key.text);
    if (clock.now() <= expiresMs) return [];
    return [
      `tls_config.${name}: The client certificate of "${names.certificate}" has expired ${on(expiresMs)}, and servers will refuse it; renew it`,
    ];
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return [`tls_config.${name}: ${thrown.message}`];
  }
}

function on(ms: number): string {
  return `on ${new Date(ms).toISOString()}`;
}
