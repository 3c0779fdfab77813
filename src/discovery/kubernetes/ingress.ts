import { listAt, textAt, valueAt } from "../../base/index.ts";
import { namespaceLabels } from "./attached-labels.ts";
import {
  keepMetadata,
  type KeptMetadata,
  metaPrefix,
  namespaceLabel,
  objectLabels,
  type Pair,
  targetFrom,
} from "./object-labels.ts";
import type { Role } from "./role.ts";

interface KeptRule {
  readonly host: string;
  readonly paths: readonly string[];
}

export interface KeptIngress {
  readonly metadata: KeptMetadata;
  readonly className: string;
  readonly rules: readonly KeptRule[];
  /** Hosts that TLS covers; `*.example.com` covers one more part. */
  readonly tlsHosts: readonly string[];
}

export function keepIngress(ingress: unknown): KeptIngress {
  return {
    metadata: keepMetadata(ingress),
    className: textAt(ingress, "spec", "ingressClassName"),
    rules: listAt(ingress, "spec", "rules").map((rule) => ({ host: textAt(rule, "host"), paths: pathsOf(rule) })),
    tlsHosts: listAt(ingress, "spec", "tls").flatMap((tls) =>
      listAt(tls, "hosts").filter((host) => typeof host === "string"),
    ),
  };
}

function pathsOf(rule: unknown): readonly string[] {
  if (valueAt(rule, "http") === undefined) return ["/"];
  return listAt(rule, "http", "paths").map((path) => textAt(path, "path") || "/");
}

/** A target for every path of every rule (reference 6.7); that of a rule for all hosts has no address until a relabel rule gives it one. */
export const ingressRole: Role<"ingresses"> = {
  resource: "ingresses",
  others: [],
  *targets({ metadata, className, rules, tlsHosts }, around) {
    const shared: readonly Pair[] = [
      ...objectLabels("ingress", metadata),
      namespaceLabel(metadata.namespace),
      [`${metaPrefix}ingress_class_name`, className],
      ...namespaceLabels(metadata.namespace, around),
    ];
    const covered = new Set(tlsHosts);
    for (const { host, paths } of rules) {
      const scheme = covered.has(host) || covered.has(wildcardOf(host)) ? "https" : "http";
      for (const path of paths)
        yield targetFrom([
          ...shared,
          [`${metaPrefix}ingress_scheme`, scheme],
          [`${metaPrefix}ingress_host`, host],
          [`${metaPrefix}ingress_path`, path],
          ["__address__", host],
        ]);
    }
  },
};

/** `*.example.com` of `shop.example.com`. */
function wildcardOf(host: string): string {
  const dot = host.indexOf(".");
  return dot === -1 ? host : `*${host.slice(dot)}`;
}
