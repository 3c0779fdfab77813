// Asks the daemon at the address that is given, as whoever runs this, and prints why it cannot.
import process from "node:process";
import { AgentError, systemClock } from "../../src/base/index.ts";
import { containersReply } from "../../src/discovery/docker/containers.ts";
import { createDockerApi } from "../../src/discovery/docker/docker-api.ts";
import { silentLogger } from "../../src/observability/index.ts";

const context = { clock: systemClock, log: silentLogger, userAgent: "pprof-agent/test" };
const api = createDockerApi({ ...context, args: { host: process.argv[2] ?? "" }, timeoutMs: 5000 });
try {
  const question = { path: "/containers/json", what: "the containers", schema: containersReply };
  console.log(await api.get({ ...question, signal: new AbortController().signal }));
} catch (thrown) {
  console.log(thrown instanceof AgentError ? `${thrown.reason}: ${thrown.message}` : thrown);
}
