import { createHash } from "node:crypto";
import { type Clock, limits, listAt, textAt, valueAt } from "../base/index.ts";
import type { ClusterMember } from "../model/index.ts";
import type { Logger } from "../observability/index.ts";
import type { ApiServer } from "./api-server.ts";
import { type Answer, statusError } from "./ask.ts";
import type { Engine, EngineOptions, Standing } from "./engine.ts";
import { decodeMember, encodeMember } from "./member-record.ts";

export interface KubernetesEngineOptions extends EngineOptions {
  readonly server: ApiServer;
  /** Agents with the same one are a cluster. */
  readonly group: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The label and the annotation of our Leases. */
const groupLabel = "pprof-agent/group";
const memberAnnotation = "pprof-agent/member";

/** A Lease as it was last seen to change. */
interface Sighting {
  readonly version: string;
  readonly changedMs: number;
  /** It was old when it was first seen, by the clock of the API server alone. */
  readonly isLeftover: boolean;
}

/**
 * Members as Lease objects of Kubernetes (coordination.k8s.io/v1), one for each. The API server does not end a Lease whose holder is
 * gone: every agent judges the others by when it saw their Lease change, by its own clock, as client-go does for leaders, so that the
 * clocks of machines need not agree.
 */
export class KubernetesEngine implements Engine {
  readonly name = "kubernetes";
  readonly lookEveryMs: number;
  readonly #options: KubernetesEngineOptions;
  readonly #path: string;
  readonly #objectName: string;
  /** This agent's own Lease as the API server last gave it; undefined while it has none. */
  #own: unknown;
  #sightings = new Map<string, Sighting>();
  /** Whether the Lease may be there, also where no answer to the writing of it came. */
  #mayBeThere = false;
  /** Until when no leftover is deleted, because one could not be. */
  #keepLeftoversUntilMs = 0;

  constructor(options: KubernetesEngineOptions) {
    const { server, group, self, ttlMs } = options;
    this.#options = options;
    this.lookEveryMs = ttlMs / 3;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(server.namespace)}/leases`;
    this.#objectName = objectName(group, self.name);
  }

  async renew(signal: AbortSignal): Promise<Standing> {
    if (this.#own === undefined) return this.#claim(signal);
    const isOurs = await this.#replace(this.#own, signal);
    // Somebody changed or deleted it.
    return isOurs ? "member" : this.#claim(signal);
  }

  async members(signal: AbortSignal): Promise<readonly ClusterMember[]> {
    const { server, group, self } = this.#options;
    const selector = encodeURIComponent(`${groupLabel}=${group}`);
    const answer = await server.ask({ method: "GET", path: `${this.#path}?labelSelector=${selector}`, signal });
    if (answer.status !== 200) throw refusal(answer);
    const leases = listAt(answer.json, "items");
    this.#sightings = new Map(leases.map((lease) => [nameOf(lease), this.#sight(lease, answer)]));
    await this.#deleteLeftover(leases, signal);
    const members = leases.filter((lease) => this.#isLive(lease)).map(memberOf);
    if (!members.some(({ name, instance }) => name === self.name && instance === self.instance)) this.#own = undefined;
    return members;
  }

  async leave(signal: AbortSignal): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    if (!this.#mayBeThere || (own !== undefined && (await this.#delete(own, signal)) === "gone")) return;
    // A writing that was cut off may have been carried out all the same.
    const { server, self } = this.#options;
    const found = await server.ask({ method: "GET", path: this.#pathOf(this.#objectName), signal });
    if (found.status === 404) return;
    if (found.status !== 200) throw refusal(found);
    if (memberOf(found.json).instance === self.instance) await this.#delete(found.json, signal);
  }

  close(): void {
    this.#options.server.close();
  }

  /** Makes the Lease, or takes it over from a holder that has stopped renewing it: this agent before it was killed, most of the time. */
  async #claim(signal: AbortSignal): Promise<Standing> {
    const { server, self, ttlMs, clock } = this.#options;
    const found = await server.ask({ method: "GET", path: this.#pathOf(this.#objectName), signal });
    if (found.status === 404) {
      const created = await server.ask({ method: "POST", path: this.#path, body: this.#lease(), signal });
      if (created.status === 201) return this.#keep(created);
      if (created.status !== 409) throw refusal(created);
      return { heldBy: { name: self.name, instance: "", url: "" } };
    }
    if (found.status !== 200) throw refusal(found);
    const holder = memberOf(found.json);
    const sighting = this.#sight(found.json, found);
    this.#sightings.set(this.#objectName, sighting);
    const isAbandoned = clock.uptime() - sighting.changedMs >= ttlMs / 2;
    const mayTake = holder.instance === self.instance || isAbandoned;
    return mayTake && (await this.#replace(found.json, signal)) ? "member" : { heldBy: holder };
  }

  /** Renews the Lease as long as it is still what it was; whether it was. */
  async #replace(lease: unknown, signal: AbortSignal): Promise<boolean> {
    const path = this.#pathOf(this.#objectName);
    const answer = await this.#options.server.ask({ method: "PUT", path, body: this.#lease(lease), signal });
    if (answer.status === 200) return this.#keep(answer) === "member";
    if (answer.status !== 404 && answer.status !== 409) throw refusal(answer);
    this.#own = undefined;
    return false;
  }

  #keep({ json }: Answer): "member" {
    this.#own = json;
    return "member";
  }

  #lease(previous?: unknown) {
    const { group, server, self, ttlMs, clock } = this.#options;
    this.#mayBeThere = true;
    const resourceVersion = textAt(previous, "metadata", "resourceVersion");
    const now = microTime(clock.now());
    const acquired = previous === this.#own ? textAt(previous, "spec", "acquireTime") : "";
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        name: this.#objectName,
        namespace: server.namespace,
        ...(resourceVersion && { resourceVersion }),
        labels: { [groupLabel]: group },
        annotations: { [memberAnnotation]: encodeMember(self) },
      },
      spec: {
        holderIdentity: self.name,
        leaseDurationSeconds: Math.ceil(ttlMs / 1000),
        acquireTime: acquired || now,
        renewTime: now,
      },
    };
  }

  #sight(lease: unknown, answer: Answer): Sighting {
    const version = textAt(lease, "metadata", "resourceVersion");
    const before = this.#sightings.get(nameOf(lease));
    if (before?.version === version) return before;
    const isLeftover = !before && ageMs(lease, answer) >= limits.clusterLeftoverMs;
    return { version, changedMs: this.#options.clock.uptime(), isLeftover };
  }

  #isLive(lease: unknown): boolean {
    const { clock, ttlMs } = this.#options;
    const seconds = valueAt(lease, "spec", "leaseDurationSeconds");
    const durationMs = typeof seconds === "number" ? seconds * 1000 : ttlMs;
    const sighting = this.#sightings.get(nameOf(lease));
    return sighting !== undefined && !sighting.isLeftover && clock.uptime() - sighting.changedMs < durationMs;
  }

  /** Pods that were killed leave their Lease behind: one is deleted at a look, which goes on where that fails. */
  async #deleteLeftover(leases: readonly unknown[], signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const nowMs = clock.uptime();
    if (nowMs < this.#keepLeftoversUntilMs) return;
    const oldest = nowMs - limits.clusterLeftoverMs;
    const leftover = leases.find((lease) => (this.#sightings.get(nameOf(lease))?.changedMs ?? nowMs) < oldest);
    if (leftover === undefined) return;
    try {
      await this.#delete(leftover, signal);
    } catch (err) {
      if (signal.aborted) return;
      const isFirst = this.#keepLeftoversUntilMs === 0;
      this.#keepLeftoversUntilMs = nowMs + limits.clusterLeftoverMs;
      const message = "Could not delete the Lease of an agent that is gone; it is tried again later";
      log[isFirst ? "warn" : "debug"](message, { lease: nameOf(leftover), err });
    }
  }

  /** Deletes a Lease unless it has changed since. */
  async #delete(lease: unknown, signal: AbortSignal): Promise<"gone" | "changed"> {
    const resourceVersion = textAt(lease, "metadata", "resourceVersion");
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { resourceVersion } };
    const path = this.#pathOf(nameOf(lease));
    const answer = await this.#options.server.ask({ method: "DELETE", path, body, signal });
    if (answer.status === 409) return "changed";
    if (![200, 202, 404].includes(answer.status)) throw refusal(answer);
    return "gone";
  }

  #pathOf(name: string): string {
    return `${this.#path}/${encodeURIComponent(name)}`;
  }
}

function nameOf(lease: unknown): string {
  return textAt(lease, "metadata", "name");
}

function memberOf(lease: unknown): ClusterMember {
  const annotation = textAt(lease, "metadata", "annotations", memberAnnotation);
  return decodeMember(textAt(lease, "spec", "holderIdentity"), annotation);
}

/**
 * How long before its answer the API server last took a Lease in, both by its own clock; zero where it does not tell. Not by `renewTime`:
 * that is of the holder's clock, and who compares it with its own takes a living agent for one that is gone.
 */
function ageMs(lease: unknown, { response }: Answer): number {
  const writtenMs = listAt(lease, "metadata", "managedFields").map((entry) => Date.parse(textAt(entry, "time")));
  const age = Date.parse(response.headers.date ?? "") - Math.max(...writtenMs);
  return Number.isFinite(age) ? age : 0;
}

/** What the API server says of a request that it refuses, and what would help. */
function refusal(answer: Answer): Error {
  const rights = "the account needs get, list, create, update and delete on leases of coordination.k8s.io";
  const said = textAt(answer.json, "message") || Buffer.from(answer.response.body).toString();
  return statusError(answer, said, answer.status === 403 ? rights : undefined);
}

/**
 * A name that Kubernetes takes (RFC 1123, at most 253 characters) and that no other group and member give: `group.member` where the group
 * has no dot, so that the first one parts them, else one without a dot that ends in a hash of both.
 */
function objectName(group: string, member: string): string {
  const plain = `${group}.${member}`;
  const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
  if (!group.includes(".") && plain.length <= 253 && new RegExp(`^${label}(\\.${label})+$`).test(plain)) return plain;
  const digest = createHash("sha1").update(`${group}\n${member}`).digest("hex").slice(0, 10);
  const readable = plain
    .toLowerCase()
    .slice(0, 200)
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `${readable}-${digest}`;
}

/** Kubernetes' MicroTime. */
function microTime(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "000Z");
}
