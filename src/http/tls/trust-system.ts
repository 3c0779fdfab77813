import tls from "node:tls";

let done = false;

/**
 * Makes connections without authorities of their own trust those of this machine too, beside those that the runtime brings along: a
 * private authority is installed where every other program looks for it. Once for the process, and not before the first TLS
 * connection: it costs 7 MB.
 */
export function trustSystemAuthorities(): void {
  if (done) return;
  done = true;
  try {
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), ...tls.getCACertificates("system")]);
  } catch {
    // A store that cannot be read leaves what the runtime brings along; a server that needed it is explained when it fails.
  }
}
