import { describingLabels, objectLabels, type Pair } from "./object-labels.ts";
import type { Surroundings } from "./role.ts";

/** The labels of the node, where nodes are attached and this one is known. */
export function nodeLabels(name: string, around: Surroundings): readonly Pair[] {
  if (name === "" || !around.reads("nodes")) return [];
  const node = around.get("nodes", name);
  return node ? objectLabels("node", node.metadata) : [];
}

/** The labels of the namespace, where namespaces are attached and this one is known. Its name is there in any case. */
export function namespaceLabels(name: string, around: Surroundings): readonly Pair[] {
  if (!around.reads("namespaces")) return [];
  const metadata = around.get("namespaces", name);
  return metadata ? describingLabels("namespace", metadata) : [];
}
