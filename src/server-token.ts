import type { Settings } from "./config/index.ts";
import { createSecretSource } from "./http/index.ts";
import type { Logger } from "./observability/index.ts";

/** What a request must send to change something, as the settings say now. */
export interface ServerToken {
  applyConfig(server: Settings["server"]): void;
  /** `undefined` where no token is configured. Rejects where its file was never readable. */
  read(): Promise<string | undefined>;
}

export function createServerToken(server: Settings["server"], log: Logger): ServerToken {
  let read = readerOf(server, log);
  return {
    applyConfig(next) {
      read = readerOf(next, log);
    },
    read: () => read(),
  };
}

function readerOf({ token, token_file: path }: Settings["server"], log: Logger): ServerToken["read"] {
  if (token === undefined && path === undefined) return async () => undefined;
  const source = createSecretSource({ inline: token, path, what: "server.token" }, log);
  // Whoever starts the agent should know, and not only who is refused later.
  void source
    .read()
    .catch((err: unknown) =>
      log.warn("Requests that would change something are refused: no token to compare", { err }),
    );
  return () => source.read();
}
