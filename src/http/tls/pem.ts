import { createPrivateKey, X509Certificate } from "node:crypto";

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const keyPattern = /-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/;

/**
 * The certificates of a PEM text, each as PEM; what stands around them and what is none is left out. Deno 2.9 dies of an uncaught
 * error when it is handed a CA that it cannot read.
 */
export function certificatesIn(text: string): {
  readonly certificates: readonly string[];
  readonly unreadable: number;
} {
  const blocks = text.match(certificatePattern) ?? [];
  const certificates = blocks.filter(isCertificate);
  return { certificates, unreadable: blocks.length - certificates.length };
}

/** The first private key of a PEM text, as PEM; the file may hold more, such as the parameters of its curve. */
export function privateKeyIn(text: string): string | undefined {
  return keyPattern.exec(text)?.[0];
}

/** Why a text cannot be used as certificates, going on after "it"; shows nothing of the text. */
export function certificateProblem(text: string): string | undefined {
  const { certificates, unreadable } = certificatesIn(text);
  if (certificates.length > 0) return undefined;
  if (unreadable > 0) return "it is damaged: what is between BEGIN and END CERTIFICATE is no certificate";
  if (privateKeyIn(text) !== undefined) return "it holds a key and no certificate; was the key put in its place?";
  return `it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)${derHint(text, "x509")}`;
}

/** Why a text cannot be used as a private key, going on after "it"; shows nothing of the text. */
export function privateKeyProblem(text: string): string | undefined {
  const key = privateKeyIn(text);
  if (key === undefined) {
    if (/-----BEGIN CERTIFICATE-----/.test(text))
      return "it holds a certificate and no key; was the certificate put in its place?";
    return `it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)${derHint(text, "pkey")}`;
  }
  if (/^-----BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(key))
    return "the key is encrypted, and the agent has no passphrase; store it without (openssl pkey -in KEY -out PLAIN)";
  try {
    createPrivateKey(key);
    return undefined;
  } catch {
    return "it is damaged: what is between BEGIN and END PRIVATE KEY is no key";
  }
}

/** Whether key and certificate, both PEM, belong together. */
export function isPair(certificate: string, key: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(block).subject !== undefined;
  } catch {
    return false;
  }
}

/** DER begins with a SEQUENCE of some hundred bytes; read as UTF-8, its length is no character. */
function derHint(text: string, command: "x509" | "pkey"): string {
  return text.startsWith("0\uFFFD") ? `; convert it from DER: openssl ${command} -inform DER -in FILE` : "";
}
