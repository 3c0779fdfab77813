import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "../support/child.ts";

/** What a path is answered with: a text as it stands, as by somebody on the way, anything else as JSON; 404 where there is nothing. */
export type DockerAnswers = Readonly<Record<string, unknown>>;

/** The answer that never comes. */
export const silence = Symbol("silence");

/** A server that answers as a Docker daemon would. */
export interface ScriptedDocker extends AsyncDisposable {
  /** `tcp://127.0.0.1:port` */
  readonly host: string;
  /** Path and query of every request. */
  readonly asked: string[];
  readonly headers: http.IncomingHttpHeaders[];
  untilAsked(path: string, times: number): Promise<void>;
}

export async function startScriptedDocker(
  answers: DockerAnswers,
  { isPodman = false }: { readonly isPodman?: boolean } = {},
): Promise<ScriptedDocker> {
  const asked: string[] = [];
  const headers: http.IncomingHttpHeaders[] = [];
  const server = http.createServer((request, response) => {
    const { url = "" } = request;
    asked.push(url);
    headers.push(request.headers);
    const answer = answers[url.replace(/\?.*/, "")];
    if (answer === silence) return;
    if (isPodman && typeof answer !== "string") response.setHeader("Libpod-Api-Version", "4.3.1");
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer ?? { message: "page not found" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `tcp://127.0.0.1:${port}`,
    asked,
    headers,
    untilAsked: async (path, times) =>
      void (await eventually(`${path} was asked ${times} times`, () =>
        asked.filter((url) => url === path).length >= times ? true : undefined,
      )),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
