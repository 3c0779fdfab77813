import { type Clock, errorMessage, formatDuration, hostPort, preview } from "../base/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { type DnsAnswer, type DnsQuestion, type DnsServer, queryDns } from "./dns-query.ts";
import { withDeadline } from "./with-deadline.ts";

export interface AskOptions {
  /** Asked one after the other. */
  readonly servers: readonly DnsServer[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface ServersAnswer extends DnsAnswer {
  /** Who gave it. */
  readonly server: DnsServer;
}

export const lookAtNameServers =
  "see that the name servers run, are reached from this machine and answer its questions, or set servers: until they do, the last good targets are scraped on";
const noServer = "this machine has no name server; set servers";

/** For one question to one server. */
const questionMs = 2500;

/** The first answer that says what there is: `NOERROR` or `NXDOMAIN`. Rejects with a DiscoveryError that says what each server did instead. */
export async function askServers(
  question: DnsQuestion,
  { servers, clock, signal }: AskOptions,
): Promise<ServersAnswer> {
  const failures: string[] = [];
  for (const server of servers) {
    const shown = hostPort(server.host, server.port);
    try {
      const answer = await withDeadline((inTime) => queryDns(question, server, inTime), {
        clock,
        timeoutMs: questionMs,
        signal,
        late: () => new DiscoveryError("dns", `no answer within ${formatDuration(questionMs)}`),
      });
      if (answer.code === "NOERROR" || answer.code === "NXDOMAIN") return { ...answer, server };
      failures.push(`${shown} answered ${answer.code}`);
    } catch (thrown) {
      signal.throwIfAborted();
      failures.push(`${shown}: ${inWords(errorMessage(thrown))}`);
    }
  }
  const why = failures.length > 0 ? `${failures.join(", ")}; ${lookAtNameServers}` : noServer;
  throw new DiscoveryError("dns", `${cannotLookUp(question)}: ${why}`);
}

export function cannotLookUp({ name, type }: DnsQuestion): string {
  return `Cannot look up ${type} records of "${preview(name, 255)}"`;
}

/** What the system says is a word; on Deno the code is in the text only. */
function inWords(message: string): string {
  if (/ECONNREFUSED|connection refused/i.test(message)) return "nothing listens there";
  return /E(?:NET|HOST)UNREACH|unreachable/i.test(message) ? "no network leads there" : message;
}
