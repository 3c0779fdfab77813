import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import {
  Events,
  type MutableResponse,
  type MutableToken,
  OAuth2Issuer,
  OAuth2Service,
  type TokenRequestIncomingMessage,
} from "oauth2-mock-server";

/** A request for a token, as it came. */
export interface TokenRequest {
  /** Where the client's id and secret stood. */
  readonly style: "basic" | "form";
  readonly clientId: string;
  readonly secret: string;
  /** The form, without id and secret. */
  readonly form: Readonly<Record<string, string>>;
  /** What it was answered. */
  readonly status: number;
}

export interface OAuth2Options {
  /** The only client; both halves as they are, not encoded. */
  readonly clientId: string;
  readonly secret: string;
  /** The only place where it takes id and secret; default "basic". */
  readonly style?: TokenRequest["style"];
  /** Default 3600. */
  readonly expiresInSeconds?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An OAuth2 server, and what a resource server would ask it. */
export interface OAuth2Server {
  readonly port: number;
  readonly tokenUrl: string;
  readonly requests: readonly TokenRequest[];
  /** Every token given. */
  readonly tokens: readonly string[];
  /** Whether the header holds a token that it gave and that is neither expired nor revoked. */
  isValid(authorization: string | undefined): boolean;
  revokeAll(): void;
  changeSecret(secret: string): void;
  /** Ends every connection and listens no more, until `restart`. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts oauth2-mock-server, which signs tokens for whoever asks, and has it ask for the client's secret. */
export async function startOAuth2Server(options: OAuth2Options): Promise<OAuth2Server> {
  const { style = "basic", expiresInSeconds = 3600, tls } = options;
  let { secret } = options;
  const requests: TokenRequest[] = [];
  const expiries = new Map<string, number>();
  const revoked = new Set<string>();
  const issuer = new OAuth2Issuer();
  await issuer.keys.generate("ES256");
  const service = new OAuth2Service(issuer);
  // Two tokens of one second are two tokens.
  service.on(Events.BeforeTokenSigning, ({ payload }: MutableToken) => Object.assign(payload, { jti: randomUUID() }));
  service.on(Events.BeforeResponse, (response: MutableResponse, incoming: TokenRequestIncomingMessage) => {
    const request = tokenRequestOf(incoming);
    if (request.style !== style || request.clientId !== options.clientId || request.secret !== secret)
      Object.assign(response, { statusCode: 401, body: { error: "invalid_client" } });
    else {
      const body = response.body as Record<string, unknown>;
      body.expires_in = expiresInSeconds;
      expiries.set(String(body.access_token), Date.now() + expiresInSeconds * 1000);
    }
    requests.push({ ...request, status: response.statusCode });
  });
  const { port, stop, restart } = await listenAgainAndAgain(service.requestHandler, tls);
  const origin = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  issuer.url = origin;
  return {
    port,
    tokenUrl: `${origin}/token`,
    requests,
    get tokens() {
      return [...expiries.keys()];
    },
    isValid(authorization) {
      const token = authorization?.match(/^Bearer (.+)$/)?.[1] ?? "";
      return (expiries.get(token) ?? 0) > Date.now() && !revoked.has(token);
    },
    revokeAll() {
      for (const token of expiries.keys()) revoked.add(token);
    },
    changeSecret: (changed) => void (secret = changed),
    stop,
    restart,
    [Symbol.asyncDispose]: stop,
  };
}

function tokenRequestOf({ headers, body }: TokenRequestIncomingMessage): Omit<TokenRequest, "status"> {
  const { client_id = "", client_secret = "", ...form } = body as unknown as Record<string, string>;
  const [, encoded] = headers.authorization?.match(/^Basic (.+)$/) ?? [];
  if (encoded === undefined) return { style: "form", clientId: client_id, secret: client_secret, form };
  // Each half is encoded like a form's value (RFC 6749, 2.3.1).
  const [clientId = "", secret = ""] = Buffer.from(encoded, "base64").toString().split(":").map(decodeFormValue);
  return { style: "basic", clientId, secret, form };
}

function decodeFormValue(text: string): string {
  return new URLSearchParams(`value=${text}`).get("value") ?? "";
}

interface Listener {
  readonly port: number;
  readonly stop: () => Promise<void>;
  readonly restart: () => Promise<void>;
}

async function listenAgainAndAgain(handler: RequestListener, tls: OAuth2Options["tls"]): Promise<Listener> {
  let server: Server;
  const listen = async (port: number): Promise<number> => {
    server = tls ? createTlsServer(tls, handler) : createServer(handler);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  return {
    port,
    restart: async (): Promise<void> => void (await listen(port)),
    async stop(): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
