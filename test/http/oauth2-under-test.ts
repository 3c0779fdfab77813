import { afterEach, beforeEach, expect } from "bun:test";
import { Secret } from "../../src/base/index.ts";
import { createCredentials, type Credentials } from "../../src/http/credentials/credentials.ts";
import { createHttpClient, type HttpArguments } from "../../src/http/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";
import { startTokenServer, type TokenServer } from "./token-server.ts";

export type OAuth2Arguments = NonNullable<HttpArguments["oauth2"]>;

/** The client secret of the tests, of which nothing may be shown. */
export const clientSecret = "s3cr3t +&ü";

/** What the tests of a file share; the fields are set anew before each test. */
export interface OAuth2UnderTest {
  server: TokenServer;
  clock: FakeClock;
  log: MemoryLog;
  /** The arguments of the clients that were made for token requests. */
  tokenClients: HttpArguments[];
  /** Credentials of the client "edge-7", with what a test wants to be different. */
  credentials(args?: Partial<OAuth2Arguments>): Credentials;
  seconds(count: number): Promise<void>;
}

/** A token server for each test, and a check that nothing outlives the requests and no secret is logged. */
export function oauth2UnderTest(): OAuth2UnderTest {
  const it = {
    credentials(args) {
      const { server, clock, log } = it;
      const usual = { client_id: "edge-7", token_url: server.url, proxy_from_environment: false };
      const secret = args?.client_secret_file === undefined && { client_secret: new Secret(clientSecret) };
      const tokenClient = (of: HttpArguments) => {
        it.tokenClients.push(of);
        return createHttpClient({ args: of, clock, log });
      };
      const oauth2 = { ...usual, ...secret, ...args };
      return createCredentials({ oauth2 }, { clock, log, tokenClient }) as Credentials;
    },
    seconds: (count) => it.clock.advance(count * 1000),
  } as OAuth2UnderTest;
  beforeEach(async () => {
    it.server = await startTokenServer();
    it.clock = new FakeClock();
    it.log = createMemoryLog();
    it.tokenClients = [];
  });
  afterEach(() => {
    it.server.close();
    expect(it.clock.pending, "no deadline outlives its request").toBe(0);
    for (const { fields } of it.log.lines) expect(String(fields["err"])).not.toContain(clientSecret);
  });
  return it;
}
