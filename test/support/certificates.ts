import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** A certificate and its key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** When a certificate is valid; from yesterday for a year by default. */
export interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface CertificateOptions extends Validity {
  /** The common name of its subject. */
  readonly name: string;
  /** DNS names and IPv4 addresses that it is for. */
  readonly hosts?: readonly string[];
}

/** A certificate authority for tests. */
export interface Authority extends Certificate {
  /** A certificate for a server or a client. */
  issue(options: CertificateOptions): Certificate;
  /** An authority below this one. */
  delegate(name: string, validity?: Validity): Authority;
}

const dayMs = 24 * 60 * 60 * 1000;

/** An authority that signed its own certificate. Made anew with node:crypto, so that no test needs openssl or a key in git. */
export function createAuthority(name: string, validity?: Validity): Authority {
  return authority({ name, ...validity }, undefined);
}

/** A certificate that signed itself and is no authority. */
export function selfSignedCertificate(options: CertificateOptions): Certificate {
  const { publicKey, privateKey } = ecKeys();
  const issuer = { name: options.name, key: privateKey };
  return { cert: certificate(options, { publicKey, issuer, isAuthority: false }), key: pemKey(privateKey) };
}

function authority(subject: CertificateOptions, parent: Issuer | undefined): Authority {
  const { publicKey, privateKey } = ecKeys();
  const issuer = { name: subject.name, key: privateKey };
  return {
    cert: certificate(subject, { publicKey, issuer: parent ?? issuer, isAuthority: true }),
    key: pemKey(privateKey),
    issue(options) {
      const keys = ecKeys();
      const cert = certificate(options, { publicKey: keys.publicKey, issuer, isAuthority: false });
      return { cert, key: pemKey(keys.privateKey) };
    },
    delegate: (name, validity) => authority({ name, ...validity }, issuer),
  };
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

interface Signing {
  readonly publicKey: KeyObject;
  readonly issuer: Issuer;
  readonly isAuthority: boolean;
}

/** A certificate of version 3 in PEM (RFC 5280, 4.1), signed with ECDSA and SHA-256. */
function certificate(options: CertificateOptions, { publicKey, issuer, isAuthority }: Signing): string {
  const {
    name,
    hosts = [],
    notBefore = new Date(Date.now() - dayMs),
    notAfter = new Date(Date.now() + 365 * dayMs),
  } = options;
  const extensions = [
    extension("551d13", der(0x30, ...(isAuthority ? [der(0x01, bytes("ff"))] : []))),
    ...(hosts.length > 0 ? [extension("551d11", der(0x30, ...hosts.map(alternativeName)))] : []),
  ];
  const toBeSigned = der(
    0x30,
    der(0xa0, der(0x02, bytes("02"))),
    der(0x02, Buffer.concat([bytes("01"), randomBytes(8)])),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    der(0x30, time(notBefore), time(notAfter)),
    distinguishedName(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = sign("sha256", toBeSigned, issuer.key);
  const whole = der(0x30, toBeSigned, ecdsaWithSha256, der(0x03, bytes("00"), signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function extension(oid: string, value: Buffer): Buffer {
  return der(0x30, der(0x06, bytes(oid)), der(0x04, value));
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 4 ? der(0x87, Buffer.from(host.split(".").map(Number))) : der(0x82, Buffer.from(host));
}

function distinguishedName(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, der(0x06, bytes("550403")), der(0x0c, Buffer.from(commonName)))));
}

/** GeneralizedTime from 2050 on, UTCTime with its two-digit year before (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, "");
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

/** Tag, length and value. */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

const ecdsaWithSha256 = der(0x30, der(0x06, bytes("2a8648ce3d040302")));

function ecKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pemKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" });
}
