import type { HttpResponse } from "../client.ts";

// What nginx, Go's net/http and Apache write into a 400 where TLS itself would have nothing to say.
const hints: readonly (readonly [found: RegExp, hint: string])[] = [
  [
    /No required SSL certificate was sent/,
    "the server wants a client certificate; set tls_config.cert_file and key_file",
  ],
  [
    /The SSL certificate error/,
    "the server refuses the client certificate; set another one in tls_config.cert_file and key_file",
  ],
  [
    /plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server|speaking plain HTTP to an SSL-enabled/,
    "the port speaks TLS: set the scheme to https",
  ],
];

/** What to do about a response that tells of TLS in the words of a well-known server; `undefined` for any other. */
export function tlsHint({ status, body }: HttpResponse): string | undefined {
  if (status !== 400) return undefined;
  const text = new TextDecoder().decode(body);
  return hints.find(([found]) => found.test(text))?.[1];
}
