import * as v from "valibot";
import type { DockerApi } from "./docker-api.ts";
import { type Pairs, metaLabels } from "./meta-labels.ts";
import { flag, record, text } from "./reply-schemas.ts";

const networksReply = v.array(
  v.object({
    Id: v.string(),
    Name: v.string(),
    Scope: text(),
    Internal: flag(),
    Ingress: flag(),
    Labels: record(v.string()),
  }),
);

/** The meta labels of a network, by its id, else by its name, which is what Podman has for ids. */
export type NetworkLabels = (id: string, name?: string) => Pairs;

export interface NetworkLabelsOptions {
  /** `__meta_docker_` */
  readonly prefix: string;
  readonly signal: AbortSignal;
}

/** Asks for all networks. A network that is not among them has its name, if that is known. */
export async function networkLabels(api: DockerApi, { prefix, signal }: NetworkLabelsOptions): Promise<NetworkLabels> {
  const networks = await api.get({ path: "/networks", what: "the networks", schema: networksReply, signal });
  const byKey = new Map<string, Pairs>();
  for (const { Id, Name, Scope, Internal, Ingress, Labels } of networks) {
    const pairs: Pairs = [
      [`${prefix}network_id`, Id],
      [`${prefix}network_name`, Name],
      [`${prefix}network_scope`, Scope],
      [`${prefix}network_internal`, String(Internal)],
      [`${prefix}network_ingress`, String(Ingress)],
      ...metaLabels(`${prefix}network_label_`, Labels),
    ];
    byKey.set(Id, pairs);
    if (!byKey.has(Name)) byKey.set(Name, pairs);
  }
  return (id, name = "") => byKey.get(id) ?? byKey.get(name) ?? [[`${prefix}network_name`, name]];
}
