import { freePort } from "../../support/free-port.ts";
import { startListening } from "./listening-program.ts";
import { requireProgram } from "./require-program.ts";

/** The command, `undefined` where there is none: its tests are to be skipped. */
export const microsocksProgram = requireProgram("microsocks");

export interface SocksProxy {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Where it connected to, in the words it was asked in: `localhost:443` where it had to resolve the name. */
  destinations(): readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts microsocks, a SOCKS 5 proxy; with `user` it asks for a user name and password. */
export async function startSocksProxy({
  user,
}: {
  readonly user?: readonly [name: string, password: string];
} = {}): Promise<SocksProxy> {
  const port = await freePort();
  const credentials = user ? ["-u", user[0], "-P", user[1]] : [];
  const running = await startListening(
    [microsocksProgram ?? "microsocks", "-i", "127.0.0.1", "-p", `${port}`, ...credentials],
    { port },
  );
  return {
    address: `127.0.0.1:${port}`,
    destinations: () =>
      [...running.output().matchAll(/connected to (\S+)/g)].map(([, destination = ""]) => destination),
    [Symbol.asyncDispose]: () => running.stop(),
  };
}
