import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import { Secret } from "../../src/base/index.ts";
import { openTunnel, type TunnelOptions } from "../../src/http/proxy/open-tunnel.ts";
import { createProxyRule, type Proxy, type ProxyArguments } from "../../src/http/proxy/proxies.ts";
import type { TlsOptions } from "../../src/http/tls/tls-settings.ts";
import { createAuthority } from "../support/certificates.ts";
import { listening, type ProxyServerOptions, startProxyServer } from "../support/proxy-server.ts";
import { type SocksServerOptions, startSocksServer } from "../support/socks-server.ts";

const authority = createAuthority("Tunnel test authority");
export const certificate = authority.issue({ name: "localhost", hosts: ["localhost", "127.0.0.1"] });
export const trusting: TlsOptions = { ca: authority.cert, rejectUnauthorized: true, minVersion: "TLSv1.2" };
const never = new AbortController().signal;

const opened: { close(): unknown }[] = [];

/** Closes every server and connection that the functions below have opened: for `afterEach`. */
export async function closeOpened(): Promise<void> {
  for (const one of opened.splice(0)) await one.close();
}

function closing<T extends { close(): unknown }>(one: T): T {
  opened.push(one);
  return one;
}

export const proxyServer = async (options?: ProxyServerOptions) => closing(await startProxyServer(options));
export const socksServer = async (options?: SocksServerOptions) => closing(await startSocksServer(options));

export async function webServer(secure = false): Promise<number> {
  const answer: http.RequestListener = (request, response) => response.end(`hello ${request.url}`);
  const server = secure ? https.createServer(certificate, answer) : http.createServer(answer);
  return closing(await listening(server)).port;
}

/** What connects and sends whatever `onConnection` does. */
export async function rawServer(onConnection: (socket: Socket) => void): Promise<number> {
  return closing(await listening(net.createServer(onConnection))).port;
}

export function proxyAt(url: string, args: ProxyArguments = {}): Proxy {
  const rule = createProxyRule({ proxy_url: new Secret(url), ...args }, {});
  return rule?.(new URL("https://target.test")) as Proxy;
}

export async function tunnel(options: Partial<TunnelOptions> & { proxy: Proxy; port: number }): Promise<Socket> {
  const socket = await openTunnel({ host: "127.0.0.1", tls: trusting, signal: never, ...options });
  closing({ close: () => socket.destroy() });
  return socket;
}

/** Sends a request over a connection and gives the body of its answer. */
export async function getOver(socket: Socket, port: number): Promise<string> {
  const agent = new http.Agent();
  agent.createConnection = () => socket;
  const request = http.get({ host: "127.0.0.1", port, path: "/x", agent });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  return body;
}

export async function secured(socket: Socket): Promise<Socket> {
  const secure = tls.connect({ ...trusting, socket, servername: "localhost" });
  await once(secure, "secureConnect");
  return secure;
}

/** Listeners that node:net and node:tls do not put on a socket of theirs. */
export function ownListeners(socket: Socket): readonly string[] {
  return ["data", "readable", "error", "connect", "secureConnect"].filter((event) => socket.listenerCount(event) > 0);
}

/** The error of a proxy that does not give a connection to port 443 of this machine. */
export function refused(why: string): { reason: string; message: string } {
  return { reason: "proxy", message: `Cannot connect to "127.0.0.1:443" through the proxy "127.0.0.1:PORT": ${why}` };
}
