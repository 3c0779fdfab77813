import type { Rule, RuleLabels } from "./rule.ts";

/**
 * What `profiles.grafana.com/TYPE.scrape` and its siblings `port`, `port_name`, `path` and `scheme` ask for, as Grafana's Helm charts
 * and its Docker examples read them: annotations of a pod, labels of a container or Swarm service. The answer is in labels that any
 * rule may set, which a scrape component reads (docs/relabelling.md): `__profile_types__` and `__profile_TYPE_port__` and the like.
 */
export const annotationRule: Omit<Rule, "name"> = {
  action: "annotations",
  description:
    "keep what asks to be scraped by profiles.grafana.com/TYPE.scrape, and set the types, ports, paths and schemes",
  apply(labels) {
    const types: string[] = [];
    for (const [type, asked] of readAnnotations(labels)) {
      if (asked.scrape !== "true" || !isPortNamed(labels, asked.port_name)) continue;
      types.push(type);
      for (const setting of ["port", "path", "scheme"] as const)
        labels.set(`__profile_${type}_${setting}__`, asked[setting] ?? "");
    }
    labels.set("__profile_types__", types.sort().join(","));
    return types.length > 0;
  },
};

const settings = ["scrape", "port_name", "port", "path", "scheme"] as const;

type Asked = Partial<Record<(typeof settings)[number], string>>;

const annotation = new RegExp(
  `^__meta_(?:kubernetes_pod_annotation|docker_container_label|dockerswarm_(?:container|service)_label)_profiles_grafana_com_(.+?)_(${settings.join("|")})$`,
);

function readAnnotations(labels: RuleLabels): ReadonlyMap<string, Asked> {
  const byType = new Map<string, Asked>();
  for (const [name, value] of labels.entries()) {
    const [, written = "", setting] = annotation.exec(name) ?? [];
    if (setting === undefined) continue;
    const type = written === "cpu" ? "process_cpu" : written;
    byType.set(type, { ...byType.get(type), [setting]: value });
  }
  return byType;
}

/** A pod is one target for each of its ports: a name says which of them is meant. */
function isPortNamed(labels: RuleLabels, name = ""): boolean {
  return name === "" || labels.get("__meta_kubernetes_pod_container_port_name") === name;
}
