import { httpWarnings } from "../http/index.ts";
import type { ClusterSettings } from "./arguments.ts";

/** What of `[cluster]` is legal but probably not meant, and files that cannot be used as they are now. */
export async function clusterWarnings(settings: ClusterSettings): Promise<readonly string[]> {
  const [args, urls] =
    settings.engine === "etcd"
      ? [settings.etcd, settings.etcd.endpoints]
      : [settings.kubernetes, settings.kubernetes.api_server === undefined ? [] : [settings.kubernetes.api_server]];
  const warnings = await httpWarnings({ args, urls });
  return warnings.map((warning) => `cluster.${settings.engine}: ${warning}`);
}
