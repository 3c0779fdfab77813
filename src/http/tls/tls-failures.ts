/**
 * What makes a TLS connection fail, by the code of the error: measured with Go and OpenSSL servers on Bun 1.4.5 (BoringSSL) and
 * Deno 2.9.6 (rustls), and what Node's documentation lists beside. Each goes on after "Cannot make a TLS connection to X: ".
 * What is wrong with the server's own certificate, explainTlsFailure says in more words.
 */
const untrusted =
  "the issuer of its certificate is not known here; put the issuer's certificate into tls_config.ca_file";
const plainText = "it does not speak TLS; if it speaks plain http, set the scheme to http";
const versions = "it speaks none of the TLS versions that are allowed here; update it, or lower tls_config.min_version";
const wantsCertificate = "the server wants a client certificate; set tls_config.cert_file and key_file";
const refuses = (why: string): string => `the server refuses the client certificate: ${why}`;
const another = "set another one in tls_config.cert_file and key_file";

const certificateFailures: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired; renew it on the server",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; check this machine's clock",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed and not trusted here; put it into tls_config.ca_file",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the root of its certificate chain is not trusted here; put the root's certificate into tls_config.ca_file",
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  // Also what Deno says of a certificate that has expired or is not valid yet.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate cannot be verified; put its issuer's certificate into tls_config.ca_file",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another name; correct the URL's host, or set tls_config.server_name",
};

const otherFailures: Readonly<Record<string, string>> = {
  CERT_REVOKED: "its certificate is revoked; renew it on the server",
  EPROTO: plainText,
  ERR_SSL_WRONG_VERSION_NUMBER: plainText,
  ERR_SSL_HTTP_REQUEST: plainText,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plainText,
  // The names of alerts differ: OpenSSL counts certificate_required to TLS 1.3, BoringSSL to TLS 1.
  ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED: wantsCertificate,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: wantsCertificate,
  // All that TLS 1.2 has to say.
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    "the server broke the handshake off; mostly it wants a client certificate (set tls_config.cert_file and key_file), or it has no cipher in common with the agent",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: `the server misses or refuses the client certificate; check tls_config.cert_file and key_file`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: refuses("it has expired; renew it"),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: refuses("it is revoked; renew it"),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: refuses(another),
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: refuses(`it is of a kind that the server does not take; ${another}`),
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: refuses(`the server does not trust its issuer; ${another}`),
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: refuses("its owner has no access there"),
  ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME:
    "it has no certificate for this name; correct the URL's host, or set tls_config.server_name",
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME:
    "it has no certificate for this name; correct the URL's host, or set tls_config.server_name",
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR:
    "the server failed during the handshake; see its log, it may have no certificate for this name",
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "it does not speak HTTP/1.1",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: versions,
  ERR_SSL_UNSUPPORTED_PROTOCOL: versions,
  ERR_SSL_WRONG_SSL_VERSION: versions,
};

/** Why a TLS connection failed; `undefined` where the code is no word of TLS. */
export function tlsFailure(code: string): string | undefined {
  const known = certificateFailures[code] ?? otherFailures[code];
  if (known !== undefined) return known;
  if (/^ERR_(SSL|TLS)_/.test(code)) return `the handshake failed (${inWords(code)})`;
  return /^(CERT_|UNABLE_TO_|HOSTNAME_)/.test(code) ? `its certificate is not accepted (${inWords(code)})` : undefined;
}

/** Whether the code blames the server's certificate. */
export function blamesCertificate(code: string): boolean {
  return Object.hasOwn(certificateFailures, code);
}

/** Whether the code says that the two sides have no TLS version in common. */
export function blamesVersion(code: string): boolean {
  return otherFailures[code] === versions;
}

function inWords(code: string): string {
  return code
    .replace(/^ERR_(SSL|TLS)_/, "")
    .replaceAll("_", " ")
    .toLowerCase();
}
