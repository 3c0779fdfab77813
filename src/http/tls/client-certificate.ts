import { X509Certificate } from "node:crypto";
import { AgentError, type Clock, systemClock } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import { certificatesIn, isPair, privateKeyIn } from "./pem.ts";

/** A client certificate with its chain, and its key. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  /** What they were read from. */
  readonly texts: readonly [cert: string, key: string];
  readonly expiresMs: number;
}

/**
 * Takes the texts of certificate and key and gives the last pair of them that fit each other; the same object for the same texts.
 * The `names` stand for them in messages. Throws an HttpError, reason `tls`, where none did yet.
 */
export function createClientCertificate(
  names: { readonly certificate: string; readonly key: string },
  options: { readonly log: Logger; readonly clock?: Clock },
): (cert: string, key: string) => ClientCertificate {
  const { log, clock = systemClock } = options;
  const mismatch = (): AgentError<"tls"> =>
    new AgentError(
      "tls",
      `Cannot use the client certificate of "${names.certificate}" with the key of "${names.key}": they do not belong together; replace both`,
    );
  let good: ClientCertificate | undefined;
  let odd: readonly [cert: string, key: string] | undefined;
  let isWaiting = false;
  let told: ClientCertificate | undefined;
  return (cert, key) => {
    if (!isOf(good?.texts, cert, key) && !isOf(odd, cert, key)) {
      const pair = pairIn(cert, key);
      odd = pair ? undefined : [cert, key];
      if (pair && good) log.info("A new client certificate and key are in use", names);
      // Once for all the steps of one replacement.
      else if (good && !isWaiting) log.warn("The new client certificate and key are not used yet", { err: mismatch() });
      isWaiting = !pair && good !== undefined;
      good = pair ?? good;
    }
    if (!good) throw mismatch();
    if (clock.now() > good.expiresMs && told !== good) {
      told = good;
      const expired = new Date(good.expiresMs).toISOString();
      log.warn("The client certificate has expired; servers will refuse it", { ...names, expired });
    }
    return good;
  };
}

function isOf(texts: readonly [string, string] | undefined, cert: string, key: string): boolean {
  return texts !== undefined && texts[0] === cert && texts[1] === key;
}

/** `undefined` where they do not fit. The first certificate is the client's own, the others are its chain. */
function pairIn(certText: string, keyText: string): ClientCertificate | undefined {
  const { certificates } = certificatesIn(certText);
  const [own] = certificates;
  const key = privateKeyIn(keyText);
  if (own === undefined || key === undefined || !isPair(own, key)) return undefined;
  const expiresMs = Date.parse(new X509Certificate(own).validTo);
  return { cert: certificates.join("\n"), key, texts: [certText, keyText], expiresMs };
}
