import { once } from "node:events";
import { connect } from "node:net";
import { type Child, eventually, startChild } from "../../support/child.ts";

/** A server program that runs and listens. */
export interface ListeningProgram {
  /** Both streams, in the order they came. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a server program and resolves once something listens at the port of 127.0.0.1. */
export async function startListening(
  command: readonly string[],
  { port }: { readonly port: number },
): Promise<ListeningProgram> {
  const child = startChild(command);
  try {
    await untilListening(child, port);
  } catch (error) {
    await child.stop("SIGKILL");
    throw new Error(`Cannot start "${command.join(" ")}", which wrote:\n${child.output()}`, { cause: error });
  }
  return { output: () => child.output(), stop: async () => void (await child.stop("SIGTERM", 2000)) };
}

async function untilListening(child: Child, port: number): Promise<void> {
  let ended = false;
  const end = (): void => void (ended = true);
  child.ended.then(end, end);
  await eventually(`something listens at port ${port}`, async () => {
    if (ended) throw new Error("The program ended");
    return (await listens(port)) || undefined;
  });
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
