import type { Certificate } from "../../support/certificates.ts";
import { microsocksProgram, type SocksProxy, startSocksProxy } from "./socks.ts";
import { type Squid, squidProgram, squidSpeaksTls, startSquid } from "./squid.ts";
import { startTinyproxy, type Tinyproxy, tinyproxyProgram } from "./tinyproxy.ts";

/** The password of the user "edge". */
export const proxyPassword = "p@ss:w/ord-2291";
/** The same at tinyproxy, which takes letters and digits only. */
export const tinyproxyPassword = "plainword8846";

/** Every proxy that this machine can start: open ones, and guarded ones, which know the user "edge" only. */
export interface Proxies {
  readonly squid: Squid | undefined;
  readonly guardedSquid: Squid | undefined;
  readonly tinyproxy: Tinyproxy | undefined;
  readonly guardedTinyproxy: Tinyproxy | undefined;
  readonly socks: SocksProxy | undefined;
  readonly guardedSocks: SocksProxy | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ProxiesOptions {
  /** For squid's TLS side. */
  readonly certificate: Certificate;
  /** A name that only squid can resolve, to 127.0.0.1. */
  readonly name: string;
}

export async function startProxies({ certificate, name }: ProxiesOptions): Promise<Proxies> {
  const [squid, guardedSquid] = squidProgram
    ? [
        await startSquid({ hosts: { [name]: "127.0.0.1" } }),
        await startSquid({ users: { edge: proxyPassword }, ...(squidSpeaksTls && { tls: certificate }) }),
      ]
    : [];
  const [tinyproxy, guardedTinyproxy] = tinyproxyProgram
    ? [await startTinyproxy(), await startTinyproxy({ user: ["edge", tinyproxyPassword] })]
    : [];
  const [socks, guardedSocks] = microsocksProgram
    ? [await startSocksProxy(), await startSocksProxy({ user: ["edge", proxyPassword] })]
    : [];
  const all = { squid, guardedSquid, tinyproxy, guardedTinyproxy, socks, guardedSocks };
  return {
    ...all,
    [Symbol.asyncDispose]: async () => {
      for (const one of Object.values(all)) await one?.[Symbol.asyncDispose]();
    },
  };
}

type Listening = { readonly address: string } | undefined;

/** The value of proxy_url; that of a proxy which is not here is asked for by skipped tests only. */
export function httpProxy(proxy: Listening, password?: string): string {
  return `http://${userInfo(password)}${proxy?.address}`;
}

export function httpsProxy(proxy: Squid | undefined, password?: string): string {
  return `https://${userInfo(password)}${proxy?.tlsAddress}`;
}

export function socksProxy(proxy: Listening, password?: string): string {
  return `socks5://${userInfo(password)}${proxy?.address}`;
}

function userInfo(password: string | undefined): string {
  return password === undefined ? "" : `edge:${encodeURIComponent(password)}@`;
}
