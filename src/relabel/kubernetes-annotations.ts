import { quoted } from "../base/index.ts";
import { labelsMap } from "../model/index.ts";
import type { Rule } from "./rule.ts";
import type { RuleInsight } from "./rule-insight.ts";

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
    for (const [type, asked] of readAnnotations(labels.entries())) {
      if (refusalOf(asked, labels.get(portNameLabel)) !== undefined) continue;
      types.push(type);
      for (const setting of ["port", "path", "scheme"] as const)
        labels.set(`__profile_${type}_${setting}__`, asked[setting] ?? "");
    }
    labels.set("__profile_types__", types.sort().join(","));
    return types.length > 0;
  },
  insight(labels): RuleInsight {
    const own = labelsMap(labels);
    const refusals = [...readAnnotations(own)].map(([type, asked]) => {
      const refusal = refusalOf(asked, own.get(portNameLabel) ?? "");
      return refusal === undefined ? undefined : `${quoted(type)}: ${refusal}`;
    });
    if (refusals.includes(undefined)) return { matched: true };
    return { matched: false, because: refusals.join("; ") || nothingAsks };
  },
};

const portNameLabel = "__meta_kubernetes_pod_container_port_name";

const nothingAsks =
  'no label __meta_kubernetes_pod_annotation_profiles_grafana_com_TYPE_scrape="true", nor such a __meta_docker_container_label_…, __meta_dockerswarm_container_label_… or __meta_dockerswarm_service_label_…';

const settings = ["scrape", "port_name", "port", "path", "scheme"] as const;

type Asked = Partial<Record<(typeof settings)[number], string>>;

const annotation = new RegExp(
  `^__meta_(?:kubernetes_pod_annotation|docker_container_label|dockerswarm_(?:container|service)_label)_profiles_grafana_com_(.+?)_(${settings.join("|")})$`,
);

function readAnnotations(labels: Iterable<readonly [name: string, value: string]>): ReadonlyMap<string, Asked> {
  const byType = new Map<string, Asked>();
  for (const [name, value] of labels) {
    const [, written = "", setting] = annotation.exec(name) ?? [];
    if (setting === undefined) continue;
    const type = written === "cpu" ? "process_cpu" : written;
    byType.set(type, { ...byType.get(type), [setting]: value });
  }
  return byType;
}

/** Why a type is not scraped here. A pod is one target for each of its ports: a name says which of them is meant. */
function refusalOf({ scrape, port_name: wanted = "" }: Asked, portName: string): string | undefined {
  if (scrape !== "true")
    return scrape === undefined ? "scrape is not asked for" : `scrape is ${quoted(scrape)}, not "true"`;
  if (wanted === "" || wanted === portName) return undefined;
  return `port_name is ${quoted(wanted)}, this port is ${portName === "" ? "without a name" : quoted(portName)}`;
}
