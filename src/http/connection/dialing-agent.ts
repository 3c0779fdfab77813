import http from "node:http";
import type { Duplex } from "node:stream";
import { stillOpen } from "./dial.ts";

/** Makes the connection for a request with these options, and names what connections may be shared by. */
export interface Dialer {
  open(options: object): Promise<Duplex>;
  key(options: object): string;
}

/** Not node:https' agent: that offers no way through a proxy, and names connections by the whole text of their certificates. */
export class DialingAgent extends http.Agent {
  readonly #dialer: Dialer;

  constructor(options: http.AgentOptions, dialer: Dialer) {
    super(options);
    this.#dialer = dialer;
  }

  override getName(options: object = {}): string {
    return this.#dialer.key(options);
  }

  override createConnection(
    options: http.ClientRequestArgs,
    done: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const opened = this.#dialer.open(options).then(stillOpen);
    opened.then(
      (socket) => done(null, socket),
      // Node's types want a socket with an error too.
      (error: Error) => (done as (error: Error) => void)(error),
    );
    return undefined;
  }
}
