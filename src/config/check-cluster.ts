import type { Reference } from "../component/index.ts";
import { referencesIn } from "../component/index.ts";
import type { Finding } from "./finding.ts";
import type { Declared } from "./read-components.ts";

/**
 * Reports components that share their targets in a cluster and take them from one that finds those of this machine alone. Each agent would
 * know other targets than the rest, and leave most of them to agents that have never heard of them.
 */
export function checkCluster(declared: readonly Declared[], findings: Finding[]): void {
  const byId = new Map(declared.map((component) => [component.id, component]));
  for (const { id, path, kind, args } of declared) {
    if (args === undefined || !kind?.sharesTargets?.(args)) continue;
    const local = sourcesOf(args, byId).find((source) => whyLocal(source) !== undefined);
    if (!local) continue;
    findings.push({
      path: [...path, "clustering"],
      at: "key",
      message: `shares the targets of "${local.id}" with other agents, but ${whyLocal(local)}: most of them would be scraped by nobody; leave clustering out of "${id}", or let "${local.id}" find the targets of all machines`,
    });
  }
}

/** Whether any component shares its targets. */
export function sharesTargets(declared: readonly Pick<Declared, "kind" | "args">[]): boolean {
  return declared.some(({ kind, args }) => args !== undefined && kind?.sharesTargets?.(args) === true);
}

function whyLocal({ kind, args }: Declared): string | undefined {
  return args === undefined ? undefined : kind?.nodeLocal?.(args);
}

/** Every component that targets come from, through relabelling too. Circles have been reported, and are walked once. */
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
