import { createHash } from "node:crypto";
import { type Clock, limits } from "../base/index.ts";
import type { ClusterMember } from "../model/index.ts";
import type { ApiServer } from "./api-server.ts";
import { type Answer, member, memberList, memberText, statusError } from "./ask.ts";
import type { Engine, EngineOptions, Standing } from "./engine.ts";
import { decodeMember, encodeMember } from "./member-record.ts";

export interface KubernetesEngineOptions extends EngineOptions {
  readonly server: ApiServer;
  /** Agents with the same one are a cluster. */
  readonly group: string;
  readonly clock: Clock;
}

/** The label and the annotation of our Leases. */
const groupLabel = "pprof-agent/group";
const memberAnnotation = "pprof-agent/member";

/** A Lease as it was last seen to change. */
interface Sighting {
  readonly version: string;
  readonly changedMs: number;
  /** It was old when it was first seen. */
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

  constructor(options: KubernetesEngineOptions) {
    const { server, group, self, ttlMs } = options;
    this.#options = options;
    this.lookEveryMs = ttlMs / 3;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(server.namespace)}/leases`;
    this.#objectName = objectName(`${group}-${self.name}`);
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
    const leases = memberList(answer.json, "items");
    this.#sightings = new Map(leases.map((lease) => [nameOf(lease), this.#sight(lease)]));
    await this.#deleteLeftover(leases, signal);
    const members = leases.filter((lease) => this.#isLive(lease)).map(memberOf);
    if (!members.some(({ name, instance }) => name === self.name && instance === self.instance)) this.#own = undefined;
    return members;
  }

  async leave(signal: AbortSignal): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    if (own !== undefined) await this.#delete(own, signal);
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
    const sighting = this.#sight(found.json);
    this.#sightings.set(this.#objectName, sighting);
    const isAbandoned = sighting.isLeftover || clock.uptime() - sighting.changedMs >= ttlMs / 2;
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
    const resourceVersion = memberText(previous, "metadata", "resourceVersion");
    const now = microTime(clock.now());
    const acquired = previous === this.#own ? memberText(previous, "spec", "acquireTime") : "";
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

  #sight(lease: unknown): Sighting {
    const version = memberText(lease, "metadata", "resourceVersion");
    const before = this.#sightings.get(nameOf(lease));
    if (before?.version === version) return before;
    const { clock } = this.#options;
    const ageMs = clock.now() - Date.parse(memberText(lease, "spec", "renewTime"));
    // Clocks differ, but not by that much, and an agent that does live renews it soon.
    const isLeftover = !before && !(ageMs < limits.clusterLeftoverMs);
    return { version, changedMs: clock.uptime(), isLeftover };
  }

  #isLive(lease: unknown): boolean {
    const { clock, ttlMs } = this.#options;
    const seconds = member(lease, "spec", "leaseDurationSeconds");
    const durationMs = typeof seconds === "number" ? seconds * 1000 : ttlMs;
    const sighting = this.#sightings.get(nameOf(lease));
    return sighting !== undefined && !sighting.isLeftover && clock.uptime() - sighting.changedMs < durationMs;
  }

  /** Pods that were killed leave their Lease behind: one is deleted at a look. */
  async #deleteLeftover(leases: readonly unknown[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const oldest = clock.uptime() - limits.clusterLeftoverMs;
    const leftover = leases.find((lease) => (this.#sightings.get(nameOf(lease))?.changedMs ?? clock.uptime()) < oldest);
    if (leftover !== undefined) await this.#delete(leftover, signal);
  }

  /** Deletes a Lease unless it has changed since. */
  async #delete(lease: unknown, signal: AbortSignal): Promise<void> {
    const resourceVersion = memberText(lease, "metadata", "resourceVersion");
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { resourceVersion } };
    const answer = await this.#options.server.ask({
      method: "DELETE",
      path: this.#pathOf(nameOf(lease)),
      body,
      signal,
    });
    if (![200, 202, 404, 409].includes(answer.status)) throw refusal(answer);
  }

  #pathOf(name: string): string {
    return `${this.#path}/${encodeURIComponent(name)}`;
  }
}

function nameOf(lease: unknown): string {
  return memberText(lease, "metadata", "name");
}

function memberOf(lease: unknown): ClusterMember {
  const annotation = memberText(lease, "metadata", "annotations", memberAnnotation);
  return decodeMember(memberText(lease, "spec", "holderIdentity"), annotation);
}

/** What the API server says of a request that it refuses, and what would help. */
function refusal(answer: Answer): Error {
  const rights = "the account needs get, list, create, update and delete on leases of coordination.k8s.io";
  const said = memberText(answer.json, "message") || Buffer.from(answer.response.body).toString();
  return statusError(answer, said, answer.status === 403 ? rights : undefined);
}

/** A name that Kubernetes takes (RFC 1123, at most 253 characters) and that no other text gives. */
function objectName(text: string): string {
  const legal = text.toLowerCase().replace(/[^a-z0-9.-]/g, "-");
  if (legal === text && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text)) return text;
  const digest = createHash("sha1").update(text).digest("hex").slice(0, 10);
  const trimmed = legal
    .slice(0, 200)
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `${trimmed}-${digest}`;
}

/** Kubernetes' MicroTime. */
function microTime(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "000Z");
}
