import { isThisMachine } from "../base/index.ts";
import { clusterWarnings as engineWarnings } from "../cluster/index.ts";
import { type ComponentConfig, type Reference, referencesIn } from "../component/index.ts";
import type { Finding } from "./finding.ts";
import type { Declared } from "./read-components.ts";
import type { Settings } from "./settings.ts";

/**
 * Reports components that share their targets in a cluster and take them from one that finds those of this machine alone. Each agent would
 * know other targets than the rest, and leave most of them to agents that have never heard of them. All arguments must be whole.
 */
export function checkCluster(declared: readonly Declared[], findings: Finding[]): void {
  const byId = new Map(declared.map((component) => [component.id, component]));
  for (const { id, path, kind, args } of declared) {
    if (!kind?.sharesTargets?.(args)) continue;
    const [local] = sourcesOf(args, byId).flatMap((source) => {
      const why = source.kind?.nodeLocal?.(source.args);
      return why === undefined ? [] : [{ id: source.id, why }];
    });
    if (!local) continue;
    findings.push({
      path: [...path, "clustering"],
      at: "key",
      message: `would leave most targets of "${local.id}" to agents that do not know them, because ${local.why}; remove clustering from "${id}", or give it targets that every machine finds`,
    });
  }
}

/** Every component that targets come from, through relabelling too. */
function sourcesOf(args: unknown, byId: ReadonlyMap<string, Declared>): readonly Declared[] {
  const found = new Map<string, Declared>();
  const visit = (references: readonly Reference[]): void => {
    for (const { id, needs } of references) {
      const source = byId.get(id);
      if (needs !== "targets" || !source || found.has(id)) continue;
      found.set(id, source);
      visit(referencesIn(source.args));
    }
  };
  visit(referencesIn(args));
  return [...found.values()];
}

/** What of a cluster is legal but probably not meant. */
export async function clusterWarnings(
  cluster: Settings["cluster"],
  components: readonly ComponentConfig[],
): Promise<readonly string[]> {
  const sharing = components.filter(({ kind, args }) => kind.sharesTargets?.(args));
  if (!cluster)
    return sharing.map(
      ({ id }) => `${id}: clustering changes nothing without a table [cluster]: it scrapes all its targets`,
    );
  const idle =
    sharing.length > 0
      ? []
      : ["cluster: no component shares its targets; add clustering = { enabled = true } to those that are to"];
  return [...idle, ...sharing.flatMap(ownTargetWarning), ...(await engineWarnings(cluster))];
}

/** What one agent calls localhost is another process for the next one. */
function ownTargetWarning({ id, kind, args }: ComponentConfig): readonly string[] {
  const own = kind.plan?.(id, args).find(({ url }) => isThisMachine(url));
  if (!own) return [];
  const { host } = new URL(own.url);
  return [
    `${id}: "${host || own.url}" is another process on every machine, and one agent of the cluster will scrape its own; move it to a component without clustering`,
  ];
}
