import type { BodySink, HttpRequest } from "./client.ts";

/** One request to one URL: an HttpRequest is one, and one more for every redirect. */
export interface Hop {
  readonly method: HttpRequest["method"];
  /** http or https. Userinfo in it is not sent. */
  readonly url: URL;
  /** Where set, the connection goes to this unix socket, and `url` gives only the path. */
  readonly socketPath?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: readonly Uint8Array[] | undefined;
  readonly maxBytes: number;
  readonly sink?: BodySink | undefined;
}
