import process from "node:process";
import { preview } from "../base/index.ts";
import { shownUrl } from "../schema/index.ts";

/** A request to a process that listens on a unix socket. */
export interface UnixUrl {
  /** Absolute and decoded: `/run/app.sock`. */
  readonly socketPath: string;
  /** What is asked of it, at the host `localhost`: `http://localhost/debug/pprof/heap?seconds=1`. */
  readonly url: URL;
}

/** What a path may take in the address of a socket: `sun_path` without its closing zero, unix(7) and unix(4). */
const maxSocketPathBytes = process.platform === "linux" || process.platform === "win32" ? 107 : 103;

/** Whether this is meant for a unix socket. `unix:6060` is the port of a host. */
export function isUnixUrl(url: string): boolean {
  return /^unix:\//i.test(url);
}

/**
 * Takes `unix:///run/app.sock:/debug/pprof/heap?seconds=1` apart: the path of the socket, percent-decoded, and behind a colon the
 * path and query of the request, `/` without it. `undefined` where it is no such URL; `unixUrlProblem` says why.
 */
export function parseUnixUrl(url: string): UnixUrl | undefined {
  if (unixUrlProblem(url) !== undefined) return undefined;
  const { socket, path } = partsOf(url);
  return { socketPath: decodeURIComponent(socket), url: new URL(`http://localhost${path}`) };
}

/** The URL that `parseUnixUrl` takes apart. Without a path, it stands for the process. */
export function formatUnixUrl(socketPath: string, path = ""): string {
  // Only what would be read as something else: the URL is to look like the path.
  const socket = socketPath.replace(/[%:?#\s]/g, encodeURIComponent);
  return `unix://${socket}${path === "" ? "" : `:${path}`}`;
}

/** Why no request can be made with this `unix:` URL; `undefined` where one can. */
export function unixUrlProblem(url: string): string | undefined {
  const shown = `"${preview(shownUrl(url))}"`;
  if (!/^unix:\/\/\//i.test(url)) {
    const meant = meantUnixUrl(url);
    return meant
      ? `a unix socket needs its absolute path behind unix://; write "${meant}"`
      : `a unix socket needs its absolute path, as in "unix:///run/app.sock"; found ${shown}`;
  }
  // oxlint-disable-next-line no-control-regex -- neither a path nor a request may hold one
  if (/[\s\u0000-\u001f\u007f]/.test(url)) return `must not hold a space; write it as "%20", found ${shown}`;
  const { socket, path } = partsOf(url);
  if (/[?#]/.test(socket)) return "a query needs a path before it: unix:///run/app.sock:/path?query";
  if (!path.startsWith("/"))
    return `behind the colon stands an HTTP path such as "/prefix"; a colon in the path of the socket is written "%3A"`;
  return socketPathProblem(socket);
}

function socketPathProblem(socket: string): string | undefined {
  const path = decoded(socket);
  if (path === undefined) return `"%" stands for itself only as "%25"; found "${preview(socket)}"`;
  if (path.includes("\0")) return "the path of a socket holds no zero byte";
  if (path.endsWith("/")) return `"${preview(path)}" is a directory; name the socket in it`;
  const bytes = Buffer.byteLength(path);
  return bytes <= maxSocketPathBytes
    ? undefined
    : `the path of the socket has ${bytes} bytes, but this system takes at most ${maxSocketPathBytes}; let the process listen at a shorter path, or name a short symbolic link to its directory`;
}

/** How others write it: curl's and Docker's, nginx's, a file URL's, and the bare path. */
const otherForms: readonly RegExp[] = [
  /^(?<socket>\/[^/].*)$/,
  /^unix:(?<socket>\/[^/].*)$/i,
  /^unix:\/\/localhost(?<socket>\/.+)$/i,
  /^unix:\/\/(?<socket>[\w-][\w.-]*\/.+)$/i,
  /^https?:\/\/unix:(?<socket>\/.+)$/i,
  /^(?:http\+unix|unix\+http):\/\/(?<socket>(?:%2F|\/)[^/]+)(?<path>\/.*)?$/i,
];

/** The URL of a unix socket that somebody meant who wrote it in another way; `undefined` where it is none, or is right. */
export function meantUnixUrl(text: string): string | undefined {
  // An @ may stand behind a password, and a query may hold a token.
  if (/[\s@?#]/.test(text)) return undefined;
  for (const form of otherForms) {
    const { socket, path = "" } = form.exec(text)?.groups ?? {};
    if (socket === undefined) continue;
    const absolute = socket.replace(/%2F/gi, "/").replace(/^(?!\/)/, "/");
    const meant = `unix://${absolute}${path.length > 1 ? `:${path}` : ""}`;
    return meant.length <= 128 ? meant : undefined;
  }
  return undefined;
}

/** The path of the socket as it is written, and that of the request. */
function partsOf(url: string): { readonly socket: string; readonly path: string } {
  const written = url.slice("unix://".length);
  const colon = written.indexOf(":");
  return colon < 0
    ? { socket: written, path: "/" }
    : { socket: written.slice(0, colon), path: written.slice(colon + 1) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
