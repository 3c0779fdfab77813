import http, { type IncomingHttpHeaders } from "node:http";
import { listen } from "./client-under-test.ts";

export interface TokenRequest {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
  /** The client id and secret, from wherever they came. */
  readonly client: string;
  readonly style: "basic" | "form";
}

export interface TokenReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, text as it is. */
  readonly body?: unknown;
}

export interface TokenServer {
  readonly url: string;
  /** `host:port` as it stands in messages. */
  readonly host: string;
  readonly requests: TokenRequest[];
  /** What is answered to the request of this number, 0 the first; a token by default. */
  reply: (request: TokenRequest, number: number) => TokenReply | Promise<TokenReply>;
  close(): void;
}

/** A server of OAuth2 tokens at `/token`, which records what it is asked and answers what the test wants. */
export async function startTokenServer(): Promise<TokenServer> {
  const listener = http.createServer((request, response) => {
    void bodyOf(request).then(async (body) => {
      const asked = tokenRequest(request, body);
      server.requests.push(asked);
      const { status = 200, headers = {}, body: answer } = await server.reply(asked, server.requests.length - 1);
      const text = typeof answer === "string" ? answer : JSON.stringify(answer);
      response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(text);
    });
  });
  const { port, close } = await listen(listener);
  const server: TokenServer = {
    url: `http://127.0.0.1:${port}/token`,
    host: `127.0.0.1:${port}`,
    requests: [],
    reply: (_, number) => ({ body: token(number) }),
    close,
  };
  return server;
}

/** The usual answer: token number N, good for an hour. */
export function token(number: number, expires_in: number | undefined = 3600): object {
  return { access_token: `token-${number}`, token_type: "Bearer", expires_in };
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function tokenRequest({ method, headers }: http.IncomingMessage, body: string): TokenRequest {
  const form = new URLSearchParams(body);
  const { authorization } = headers;
  if (authorization === undefined)
    return { method, headers, form, client: `${form.get("client_id")}:${form.get("client_secret")}`, style: "form" };
  const basic = Buffer.from(authorization.replace("Basic ", ""), "base64").toString();
  return { method, headers, form, client: basic, style: "basic" };
}
