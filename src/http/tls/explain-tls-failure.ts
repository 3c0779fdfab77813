import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { SecureVersion, TLSSocket } from "node:tls";
import { type Clock, preview, systemClock } from "../../base/index.ts";
import { isDeno } from "../../runtime/index.ts";
import { blamesCertificate, blamesVersion } from "./tls-failures.ts";

export interface TlsFailure {
  /** The code of the error: `CERT_HAS_EXPIRED`. */
  readonly code: string;
  readonly url: URL;
  /** Whether `url` is that of a proxy. */
  readonly isProxy?: boolean;
  /**
   * Makes the same connection once more, but takes any certificate, and these versions where given; for looking at it, and never
   * for sending anything.
   */
  readonly reconnect: (over?: { readonly minVersion: SecureVersion }) => Promise<TLSSocket>;
  /** Tells whether a certificate is valid; the system's by default. */
  readonly clock?: Clock;
}

/**
 * Why the server is not trusted, with its names, issuer and dates, or why no TLS version is common; goes on after "Cannot make a
 * TLS connection to X: ". `undefined` where nothing more can be found out. Rejects where `reconnect` does.
 */
export async function explainTlsFailure(failure: TlsFailure): Promise<string | undefined> {
  const { code, reconnect } = failure;
  if (blamesVersion(code)) return explainVersion(await reconnect({ minVersion: isDeno ? "TLSv1.2" : "TLSv1" }));
  if (!blamesCertificate(code)) return undefined;
  const socket = await reconnect();
  try {
    // By now there is another certificate, with which nothing is wrong.
    if (socket.authorized) return undefined;
    return explainCertificate(socket, failure);
  } finally {
    socket.destroy();
  }
}

const versionArguments: Readonly<Record<string, string>> = {
  TLSv1: "TLS10",
  "TLSv1.1": "TLS11",
  "TLSv1.2": "TLS12",
};

function explainVersion(socket: TLSSocket): string | undefined {
  const spoken = socket.getProtocol() ?? "";
  socket.destroy();
  const argument = versionArguments[spoken];
  if (argument === undefined) return undefined;
  return `it speaks ${spoken.replace("v", " ")} at best, which tls_config.min_version does not allow; update it, or set min_version = "${argument}"`;
}

function explainCertificate(socket: TLSSocket, failure: TlsFailure): string | undefined {
  const { code, clock = systemClock } = failure;
  const chain = chainOf(socket);
  const [own] = chain;
  if (!own) return undefined;
  // First, because Deno has one code for these and for an unknown issuer.
  const dates = wrongDates(chain, clock.now());
  if (dates !== undefined) return dates;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return wrongName(own, { askedFor: nameAskedFor(socket, failure.url), ...failure });
  return unknownIssuer(chain);
}

// More than any server sends on purpose.
const maxChain = 10;

/** The certificates that the server sent, its own first. */
function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerCertificate(true);
  // A root is its own issuer; what nobody sent has no bytes.
  while (next?.raw && chain.length < maxChain) {
    chain.push(new X509Certificate(next.raw));
    if (next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}

function wrongDates(chain: readonly X509Certificate[], nowMs: number): string | undefined {
  for (const certificate of chain) {
    const whose =
      certificate === chain[0] ? "its certificate" : `the certificate of ${nameIn(certificate.subject)}, its issuer,`;
    const [fromMs, toMs] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    if (nowMs > toMs) return `${whose} expired on ${shownTime(toMs)}; renew it on the server`;
    if (nowMs < fromMs)
      return `${whose} is not valid before ${shownTime(fromMs)}; check this machine's clock, it says ${shownTime(nowMs)}`;
  }
  return undefined;
}

function shownTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The name or address that was checked against the certificate. */
function nameAskedFor({ servername }: TLSSocket & { servername?: string | null | false }, { hostname }: URL): string {
  return servername || hostname.replace(/^\[|\]$/g, "");
}

// The others are counted.
const maxNames = 4;

interface WrongName extends Pick<TlsFailure, "isProxy"> {
  readonly askedFor: string;
}

function wrongName(certificate: X509Certificate, { askedFor, isProxy = false }: WrongName): string {
  const names = [...(certificate.subjectAltName ?? "").matchAll(/(?:DNS|IP Address):([^,]+)/g)].map(([, name = ""]) =>
    preview(name),
  );
  const shown = names.slice(0, maxNames).join(", ");
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : "";
  const advice = isProxy
    ? "correct the host in the proxy's URL"
    : "correct the URL's host, or set tls_config.server_name to a name that it has";
  if (names.length > 0) return `its certificate is for ${shown}${more} and not for ${askedFor}; ${advice}`;
  // Addresses are never looked for in a subject (RFC 6125, 6.4.4).
  const alone = isIP(askedFor) > 0 && /^CN=/m.test(certificate.subject);
  return `its certificate names ${alone ? `only ${nameIn(certificate.subject)}` : "no host"} and not ${askedFor}; ${advice}`;
}

function unknownIssuer(chain: readonly X509Certificate[]): string | undefined {
  const [own] = chain;
  const last = chain.at(-1);
  if (!own || !last) return undefined;
  if (own.issuer === own.subject)
    return `its certificate is self-signed by ${nameIn(own.subject)} and not trusted here; put it into tls_config.ca_file, or set insecure_skip_verify = true where nobody else can be on the line`;
  const issuer = nameIn(last.issuer);
  const unsent =
    chain.length === 1 ? ", and where that is an intermediate authority, let the server send its certificate too" : "";
  return `its certificate comes from the unknown issuer ${issuer}; put that issuer's certificate into tls_config.ca_file${unsent}`;
}

/** The name that people know a subject by. */
function nameIn(subject: string): string {
  const [, name] = /^CN=(.+)$/m.exec(subject) ?? /^O=(.+)$/m.exec(subject) ?? [];
  return `"${preview(name ?? subject)}"`;
}
