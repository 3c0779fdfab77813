import { AgentError, withoutUserinfo } from "../base/index.ts";
import { ConfigError, renderProblems } from "../config/index.ts";
import { createHttpClient, type HttpResponse } from "../http/index.ts";
import { userAgent } from "../version.ts";
import { exitCodes, type Run } from "./command.ts";
import type { CliIo } from "./io.ts";
import { jsonText } from "./json-text.ts";
import { type StatusAddress, statusAddress } from "./status-address.ts";
import { readStatus, type StatusDocument } from "./status-document.ts";
import { problemsOf } from "./status-judgement.ts";
import { formatStatus } from "./status-report.ts";
import { noAnswer, somethingElse, type Unreachable } from "./status-unreachable.ts";

const timeoutMs = 10_000;
const maxBytes = 4 * 1024 ** 2;

/** `agent status`: asks the running agent how it is. */
export const status: Run = async (line, io) => {
  const json = line.flags.has("json");
  const found = await find(() => statusAddress(line, io), io);
  if ("unreachable" in found) return reportUnreachable(found, io, { json });
  const { url, document, raw, file } = found;
  const problems = problemsOf(document, file);
  const ok = problems.length === 0;
  if (json) io.out(`${jsonText({ reachable: true, ok, url, problems, status: raw })}\n`);
  else io.out(formatStatus({ url, status: document, problems }));
  return ok ? exitCodes.ok : exitCodes.failure;
};

interface Found {
  readonly url: string;
  readonly file: string | undefined;
  readonly document: StatusDocument;
  /** The same as it came, with what this version does not know. */
  readonly raw: unknown;
}

async function find(address: () => Promise<StatusAddress>, io: CliIo): Promise<Found | Unreachable> {
  try {
    return await ask(await address(), io);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const problems = renderProblems(thrown.problems);
    if (thrown.reason === "unreadable")
      return {
        unreachable: `There is no file to say where the agent listens:\n${problems}`,
        next: "name the file that the agent was started with, or say where it listens with --url http://HOST:PORT",
      };
    const unreachable = `The file does not say where the agent listens:\n${problems}`;
    return { unreachable, next: "correct the file, or say where the agent listens with --url http://HOST:PORT" };
  }
}

async function ask({ url: address, source, file }: StatusAddress, { env }: CliIo): Promise<Found | Unreachable> {
  const url = withoutUserinfo(address).replace(/\/$/, "");
  const client = createHttpClient({ environment: env });
  try {
    const response = await client.request({
      method: "GET",
      url: `${address}/api/v0/status`,
      headers: { "user-agent": userAgent },
      maxBytes,
      timeoutMs,
      signal: new AbortController().signal,
    });
    const raw = jsonOf(response);
    const document = readStatus(raw);
    if (document) return { url, file, document, raw };
    return somethingElse({ url, source, status: response.status });
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return noAnswer(thrown, { url, source, file });
  } finally {
    client.close();
  }
}

function jsonOf({ status: code, body }: HttpResponse): unknown {
  if (code !== 200) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    // Whatever else listens there.
    return undefined;
  }
}

function reportUnreachable({ url, unreachable, next }: Unreachable, io: CliIo, { json }: { json: boolean }): number {
  if (json) io.out(`${jsonText({ reachable: false, ok: false, url, error: unreachable, next })}\n`);
  else io.err(`agent: ${unreachable}\nNext: ${next}\n`);
  return exitCodes.unreachable;
}
