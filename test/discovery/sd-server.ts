import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

/** What the server says to every question until it is told otherwise. */
export interface SdAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Takes the question and never answers. */
  readonly silent?: boolean;
}

export interface SdServer extends AsyncDisposable {
  readonly url: string;
  /** The headers of every question. */
  readonly asked: http.IncomingHttpHeaders[];
  answer(answer: SdAnswer): void;
  /** Answers with these groups, as JSON. */
  groups(groups: unknown): void;
  /** As if the machine were off: connections are refused. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** A server for HTTP service discovery on a port of its own, which it keeps while it is down. */
export async function startSdServer(): Promise<SdServer> {
  const asked: http.IncomingHttpHeaders[] = [];
  let current: SdAnswer = { body: "[]" };
  const make = (): http.Server =>
    http.createServer((request, response) => {
      asked.push(request.headers);
      const { status = 200, headers = {}, body = "", silent } = current;
      if (silent) return;
      response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
      response.end(body);
    });
  let server = make();
  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const down = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return {
    url: `http://127.0.0.1:${port}/targets`,
    asked,
    answer: (answer) => void (current = answer),
    groups: (groups) => void (current = { body: JSON.stringify(groups) }),
    down,
    async up() {
      server = make();
      await listen(port);
    },
    [Symbol.asyncDispose]: down,
  };
}
