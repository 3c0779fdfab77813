import * as v from "valibot";
import { AgentError, errorMessage } from "../../base/index.ts";
import { DiscoveryError } from "../discovery-error.ts";
import { SideQuestions } from "../side-questions.ts";
import type { Container } from "./containers.ts";
import type { DockerLook } from "./docker-finder.ts";
import { record, text } from "./reply-schemas.ts";

const inspectReply = v.object({
  HostConfig: v.nullish(v.object({ NetworkMode: text() })),
  Config: v.nullish(v.object({ ExposedPorts: record(v.unknown()) })),
});

/** What the list leaves out; it never changes while the container lives. */
interface Inspected {
  readonly networkMode: string;
  /** TCP only. */
  readonly exposedPorts: readonly number[];
}

/** One that is silent, because it is just made or removed, is not to hold up the others for long. */
const inspectionMs = 5000;

/** What fails where containers are not told of. */
const source = "exposed ports";

/**
 * Podman's list has published ports only, and older ones do not tell there who is in the network of the host. The containers themselves tell, each of
 * which is asked until it has told. One that does not is left as it is listed, and told of as a source that fails.
 */
export class InspectedContainers {
  readonly #questions = new SideQuestions<Inspected>();

  async complete(containers: readonly Container[], look: DockerLook): Promise<readonly Container[]> {
    const { api, clock, timeoutMs, signal } = look;
    // As the list said: what answers in place of a container need not be Podman.
    const { isPodman } = api;
    const isIncomplete = ({ HostConfig }: Container): boolean => isPodman || !HostConfig;
    const ids = containers.filter(isIncomplete).map(({ Id }) => Id);
    const { answers } = this.#questions;
    this.#questions.keepOnly(ids);
    const failures = await this.#questions.ask(
      ids.filter((id) => !answers.has(id)),
      { ask: (id, inTime) => inspect(id, { api, signal: inTime }), clock, timeoutMs: timeoutMs / 2, signal },
    );
    tellOf(failures.filter(isTrouble), look);
    return containers.map((one) => (isIncomplete(one) ? completedBy(one, answers.get(one.Id)) : one));
  }
}

/** Whoever is gone by now has no ports to tell of. */
function isTrouble(failure: unknown): boolean {
  return !(failure instanceof DiscoveryError && failure.status === 404);
}

function tellOf([first, ...others]: readonly unknown[], { report }: Pick<DockerLook, "report">): void {
  if (first === undefined) return report.gone(source);
  const reason = first instanceof AgentError ? first.reason : "bad_answer";
  const message = `Cannot tell which ports ${1 + others.length} of the containers expose: ${errorMessage(first)}`;
  report.failed(source, new AgentError(reason, message, { cause: first }));
}

function completedBy(container: Container, inspected: Inspected | undefined): Container {
  const { HostConfig, Ports } = container;
  const { networkMode: NetworkMode = "", exposedPorts = [] } = inspected ?? {};
  const listed = new Set(Ports.flatMap(({ Type, PrivatePort }) => (Type === "tcp" ? [PrivatePort] : [])));
  const unpublished = exposedPorts.filter((port) => !listed.has(port));
  return {
    ...container,
    HostConfig: HostConfig ?? { NetworkMode },
    Ports: [...Ports, ...unpublished.map((PrivatePort) => ({ Type: "tcp", PrivatePort, PublicPort: 0, IP: "" }))],
  };
}

async function inspect(id: string, { api, signal }: Pick<DockerLook, "api" | "signal">): Promise<Inspected> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  const what = `the ports of container "${id.slice(0, 12)}"`;
  const reply = await api.get({ path, what, schema: inspectReply, signal, timeoutMs: inspectionMs });
  return {
    networkMode: reply.HostConfig?.NetworkMode ?? "",
    exposedPorts: Object.keys(reply.Config?.ExposedPorts ?? {}).flatMap(tcpPort),
  };
}

/** `6060/tcp` */
function tcpPort(written: string): readonly number[] {
  const [, port] = /^(\d{1,5})\/tcp$/.exec(written) ?? [];
  return port === undefined ? [] : [Number(port)];
}
