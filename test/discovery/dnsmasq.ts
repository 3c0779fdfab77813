import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { type ListeningProgram, startListening } from "../matrix/support/listening-program.ts";
import { requireProgram } from "../matrix/support/require-program.ts";

/** The command, `undefined` where there is none: its tests are to be skipped. */
export const dnsmasqProgram = requireProgram("dnsmasq");

export interface Dnsmasq extends AsyncDisposable {
  /** `127.0.0.1:port`, which it keeps over restarts. */
  readonly address: string;
  stop(): Promise<void>;
  start(records: readonly string[]): Promise<void>;
}

/** Starts dnsmasq with these records of the domain `test`, in its own form, as all that it knows. */
export async function startDnsmasq(initial: readonly string[]): Promise<Dnsmasq> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-dnsmasq-"));
  const port = await freePort();
  const file = join(directory, "dnsmasq.conf");
  const fixed = [
    "no-resolv",
    "no-hosts",
    "local=/test/",
    "listen-address=127.0.0.1",
    "bind-interfaces",
    `port=${port}`,
  ];
  let running: ListeningProgram | undefined;
  const start = async (records: readonly string[]): Promise<void> => {
    writeFileSync(file, `${[...fixed, ...records].join("\n")}\n`);
    running = await startListening(
      [dnsmasqProgram ?? "dnsmasq", `--conf-file=${file}`, "--keep-in-foreground", "--pid-file=", "--user="],
      { port },
    );
  };
  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  await start(initial);
  return {
    address: `127.0.0.1:${port}`,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
